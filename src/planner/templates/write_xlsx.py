def write(rows, output, most=1048575):
    if len(rows) > most:
        print(f"An Excel sheet holds {most:,} rows: the first {most:,} of {len(rows):,} were written.")
        rows = rows.head(most)
    control = openpyxl.cell.cell.ILLEGAL_CHARACTERS_RE
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("Table")
    sheet.freeze_panes = "A2"
    for values in [list(rows.columns), *rows.astype(object).where(rows.notna(), None).values.tolist()]:
        line = []
        for value in values:
            cell = openpyxl.cell.WriteOnlyCell(sheet)
            if isinstance(value, str):
                cell.value, cell.data_type = control.sub("", value), "s"
            elif isinstance(value, pd.Timestamp):
                cell.value = value.to_pydatetime()
            else:
                cell.value = value
            line.append(cell)
        sheet.append(line)
    book.save(output)
