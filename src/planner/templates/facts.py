def column_facts(frame, source):
    """One row a column: name, kind, filled, distinct, and the facts that its kind has."""
    for column in source["columns"]:
        series = frame[column["name"]].dropna()
        distinct = series.nunique()
        if series.empty:
            facts = "no values"
        elif column["time"]:
            facts = f"{label(series.min())} to {label(series.max())}"
        elif pd.api.types.is_numeric_dtype(series):
            facts = f"{number(series.min())} to {number(series.max())}, mean {number(series.mean())}, median {number(series.median())}"
        elif distinct == len(series):
            facts = "all different, such as " + short(series.iloc[0], 30)
        else:
            common = series.value_counts().head(3)
            facts = ", ".join(f"{short(name, 24).strip()} ({count:,})" for name, count in common.items())
        yield column["name"], column["kind"], len(series), int(distinct), facts


def print_facts(frame, source):
    print(f"Rows: {len(frame):,}")
    print(f"Columns: {source['columnCount']:,}")
    print_table(["column", "kind", "filled", "different values", "facts"], column_facts(frame, source), 60)
