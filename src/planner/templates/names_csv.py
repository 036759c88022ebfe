def names_of(source):
    row = source["reading"]["headerRow"]
    if row is None:
        return {}
    header = {**source, "columns": [], "reading": {**source["reading"], "skipRows": row}}
    return read_table(header, list(range(source["columnCount"]))).iloc[0].dropna().to_dict()
