"""The data of a figure in E2B's form, read from attributes only."""


def extract(figure):
    return None
