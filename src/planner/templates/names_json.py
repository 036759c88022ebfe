def names_of(source):
    return dict(enumerate(read_rows(source["path"], source["reading"]).columns))
