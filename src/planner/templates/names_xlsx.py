def names_of(source):
    row = source["reading"]["headerRow"]
    if row is None:
        return {}
    sheet = openpyxl.load_workbook(source["path"], read_only=True)[source["reading"]["sheet"]]
    return dict(enumerate(next(sheet.iter_rows(min_row=row + 1, values_only=True))))
