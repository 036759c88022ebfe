MISSING = ["", "NA", "N/A", "n/a", "NaN", "nan", "null", "NULL", "#N/A", "#NV", "-", "--"]


def without_missing(frame):
    """Empty cells and their usual spellings become None."""
    return frame.astype(object).where(frame.notna() & ~frame.isin(MISSING), None)
