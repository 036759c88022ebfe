def unknown_columns(source):
    """Columns beyond those that the plan describes, under the names that the file gives them."""
    known = {column["position"]: column["name"] for column in source["columns"]}
    names, used, columns = names_of(source), set(known.values()), []
    for n in range(source["columnCount"]):
        if n not in known:
            name = base = str(names.get(n) or f"column {n + 1}")
            while name in used:
                name += " (2)"
            used.add(name)
            columns.append({"name": name, "position": n, "kind": "unknown", "number": "plain", "time": None})
    return columns
