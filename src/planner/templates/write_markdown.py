def write(rows, output):
    escape = lambda value: " ".join(str(value).split()).replace("\\", "\\\\").replace("|", "\\|")
    rows = dates_as_text(rows).astype(object)
    rows = rows.where(rows.notna(), "")
    with open(output, "w", encoding="utf-8") as file:
        for values in [list(rows.columns), ["---"] * rows.shape[1], *rows.values.tolist()]:
            file.write("| " + " | ".join(map(escape, values)) + " |\n")
