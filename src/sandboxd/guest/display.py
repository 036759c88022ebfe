"""`display()` and the figures of a cell where there is no IPython."""

import os

from . import show


class Display:
    """
    `display(value, …)`. E2B's protocol cannot change what was shown: of all updates of one display_id the last is shown, when
    the cell ends.
    """

    def __init__(self, out):
        self.updates = Updates(out)

    def __call__(self, *values, raw=False, display_id=None, update=False, **_options):
        display_id = os.urandom(16).hex() if display_id is True else display_id
        for value in values:
            self.updates.publish(value if raw else show.bundle_of(value), display_id, update)
        return None if display_id is None else Handle(self, display_id)

    def __repr__(self):
        return "<function display>"


class Handle:
    def __init__(self, display, display_id):
        self._display, self.display_id = display, display_id

    def display(self, value, **options):
        self._display(value, display_id=self.display_id, **options)

    def update(self, value, **options):
        self._display(value, display_id=self.display_id, update=True, **options)


class Updates:
    """What is displayed goes out at once; changes of it wait for the end of the cell."""

    def __init__(self, out):
        self.out = out
        self.waiting = {}

    def publish(self, bundle, display_id=None, is_update=False):
        if is_update and display_id is not None:
            self.waiting[display_id] = bundle
            return
        self.waiting.pop(display_id, None)
        found = show.fields(bundle)
        # A handle that is made before there is anything to show displays nothing.
        if found:
            self.out.result(found, False)

    def flush(self):
        waiting, self.waiting = self.waiting, {}
        for bundle in waiting.values():
            self.publish(bundle)
