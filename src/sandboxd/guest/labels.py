"""What a client noted about files that it wrote.

E2B keeps it with the file (extended attributes). A room may set none, as no limit counts their memory; so it is kept here,
by the file itself: it stays when the file is moved, and is replaced when it is written anew."""

# The host lets some kilobytes through for each; what was noted first is forgotten first.
MAX_FILES = 1_000


class Labels:
    def __init__(self):
        self.by_file = {}

    def of(self, info):
        return self.by_file.get((info.st_dev, info.st_ino), {})

    def set(self, info, labels):
        self.by_file.pop((info.st_dev, info.st_ino), None)
        if labels:
            self.by_file[info.st_dev, info.st_ino] = labels
        if len(self.by_file) > MAX_FILES:
            del self.by_file[next(iter(self.by_file))]
