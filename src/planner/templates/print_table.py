def cell(value):
    if isinstance(value, float):
        text = number(value)
    elif isinstance(value, int) and not isinstance(value, bool):
        text = f"{value:,}"
    else:
        text = short(label(value), 60).strip()
    return text.replace("\\", "\\\\").replace("|", "\\|")


def print_table(names, rows, most=30):
    rows = list(rows)
    print()
    print("| " + " | ".join(cell(name) for name in names) + " |")
    print("|" + "---|" * len(names))
    for row in rows[:most]:
        print("| " + " | ".join(cell(value) for value in row) + " |")
    if len(rows) > most:
        print(f"\n{len(rows) - most:,} more rows are not shown.")
