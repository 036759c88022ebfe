def write(rows, output):
    rows = dates_as_text(rows).astype(object)
    rows = rows.where(rows.notna(), None)
    with open(output, "w", encoding="utf-8") as file:
        json.dump(rows.to_dict("records"), file, ensure_ascii=False, indent=1, default=str)
