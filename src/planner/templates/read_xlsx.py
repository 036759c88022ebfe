def read_table(source, positions):
    reading = source["reading"]
    book = openpyxl.load_workbook(source["path"], read_only=True, data_only=True)
    sheet = book[reading["sheet"]]
    sheet.reset_dimensions()
    rows = []
    for row in sheet.iter_rows(min_row=reading["skipRows"] + 1, values_only=True):
        if any(cell not in (None, "") for cell in row):
            rows.append([row[n] if n < len(row) else None for n in positions])
    return without_missing(pd.DataFrame(rows, columns=positions, dtype=object))
