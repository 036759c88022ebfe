source = PLAN["source"]
if not PLAN["columns"] and len(source["columns"]) < source["columnCount"]:
    source["columns"] += unknown_columns(source)
frame = load(source)
rows = keep(frame, PLAN["filters"])
if PLAN["sort"]:
    rows = rows.sort_values(PLAN["sort"]["column"], ascending=PLAN["sort"]["order"] == "ascending", kind="stable")
if PLAN["limit"]:
    rows = rows.head(PLAN["limit"])
if PLAN["columns"]:
    rows = rows[PLAN["columns"]]
rows = rows.reset_index(drop=True)
for name in rows.columns:
    if rows[name].dtype == float and (rows[name].dropna() % 1 == 0).all() and rows[name].abs().max() < 2**53:
        rows[name] = rows[name].astype("Int64")
write(rows, PLAN["output"])
print(f"Rows used: {len(rows):,} of {len(frame):,}")
print(f"Columns: {rows.shape[1]:,}")
print(f"Written: {PLAN['output']}")
