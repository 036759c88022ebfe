def flatten(record, prefix="", depth=0):
    """A nested record as one flat row: {"a": {"b": 1}} becomes {"a.b": 1}; lists become text."""
    row = {}
    for key, value in record.items():
        name = prefix + str(key)
        if isinstance(value, dict) and value and depth < 3:
            row.update(flatten(value, name + ".", depth + 1))
        elif isinstance(value, (dict, list)):
            row[name] = json.dumps(value, ensure_ascii=False)
        else:
            row[name] = value
    return row


def rows_of(document, path):
    """The rows inside a JSON document, whichever common shape they have."""
    for key in path:
        document = document[key]
    if isinstance(document, list):
        if document and all(isinstance(item, list) for item in document):
            named = all(isinstance(cell, str) for cell in document[0]) and len(document) > 1
            names = document[0] if named else ["column %d" % (n + 1) for n in range(len(document[0]))]
            return [dict(zip(names, row)) for row in (document[1:] if named else document)]
        return [flatten(item) if isinstance(item, dict) else {"value": item} for item in document]
    if not isinstance(document, dict):
        return [{"value": document}]
    columns, data = document.get("columns"), document.get("data")
    if isinstance(columns, list) and isinstance(data, list):
        return [dict(zip(map(str, columns), row)) for row in data]
    inner = list(document.values())
    if inner and all(isinstance(value, list) for value in inner):
        longest = max(len(value) for value in inner)
        return [{key: (value[n] if n < len(value) else None) for key, value in document.items()} for n in range(longest)]
    if inner and all(isinstance(value, dict) for value in inner):
        if all(str(key).isdigit() for value in inner for key in value):
            keys = sorted({key for value in inner for key in value}, key=int)
            return [{name: value.get(key) for name, value in document.items()} for key in keys]
        return [{"key": key, **flatten(value)} for key, value in document.items()]
    return [flatten(document)]
