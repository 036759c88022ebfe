def dates_as_text(rows):
    """Dates as ISO text, without the clock where it is always midnight."""
    rows = rows.copy()
    for name in rows.columns:
        if pd.api.types.is_datetime64_any_dtype(rows[name]):
            whole_days = (rows[name].dropna() == rows[name].dropna().dt.normalize()).all()
            rows[name] = rows[name].dt.strftime("%Y-%m-%d" if whole_days else "%Y-%m-%dT%H:%M:%S").astype(object)
    return rows
