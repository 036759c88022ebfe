# A short digest of each variable of the notebook, printed as one line: two interpreters with the same line have the same values.
def _sandpiper_digest():
    import hashlib, json, pickle, sys, types

    skipped = (types.ModuleType,)
    hidden = {"In", "Out", "exit", "quit", "get_ipython", "open"}

    def code_of(value):
        parts = [value.co_code, repr(value.co_names).encode()]
        for one in value.co_consts:
            parts.append(code_of(one) if isinstance(one, types.CodeType) else repr(one).encode())
        return b"|".join(parts)

    def bytes_of(value, depth=0):
        kind = type(value).__name__
        pandas, numpy = sys.modules.get("pandas"), sys.modules.get("numpy")
        if pandas is not None and isinstance(value, (pandas.DataFrame, pandas.Series, pandas.Index)):
            shape = repr((value.shape, getattr(value, "columns", None) is not None and list(map(str, value.columns)) or str(value.dtype)))
            kinds = repr(list(map(str, value.dtypes))) if isinstance(value, pandas.DataFrame) else ""
            try:
                body = pandas.util.hash_pandas_object(value, index=True).values.tobytes()
            except TypeError:
                body = repr(value.to_dict() if hasattr(value, "to_dict") else list(value)).encode()
            return (kind + shape + kinds).encode() + body
        if numpy is not None and isinstance(value, (numpy.ndarray, numpy.generic)):
            if value.dtype != object:
                return f"{kind}{value.dtype}{value.shape}".encode() + value.tobytes()
            return f"{kind}{value.shape}".encode() + b"".join(bytes_of(one, depth + 1) for one in value.ravel().tolist())
        if isinstance(value, types.FunctionType):
            return kind.encode() + code_of(value.__code__) + repr(value.__defaults__).encode()
        if isinstance(value, type):
            members = sorted((name, one) for name, one in vars(value).items() if isinstance(one, types.FunctionType))
            return kind.encode() + value.__name__.encode() + b"".join(name.encode() + code_of(one.__code__) for name, one in members)
        if depth < 6 and isinstance(value, (set, frozenset)):
            return kind.encode() + b"".join(sorted(bytes_of(one, depth + 1) for one in value))
        if depth < 6 and isinstance(value, dict):
            return kind.encode() + b"".join(bytes_of(name, depth + 1) + b":" + bytes_of(one, depth + 1) for name, one in value.items())
        if depth < 6 and isinstance(value, (list, tuple)):
            return kind.encode() + b"".join(b"," + bytes_of(one, depth + 1) for one in value)
        if isinstance(value, (int, float, complex, str, bytes, bool, type(None))):
            return kind.encode() + repr(value).encode()
        try:
            return kind.encode() + pickle.dumps(value, protocol=4)
        except Exception:
            return kind.encode()

    digest = {}
    for name, value in sorted(globals().items()):
        if name.startswith("_") or name in hidden or isinstance(value, skipped):
            continue
        try:
            content = bytes_of(value)
        except Exception as error:
            content = type(error).__name__.encode()
        digest[name] = hashlib.sha256(content).hexdigest()[:16]
    print("SANDPIPER-STATE " + json.dumps(digest))

_sandpiper_digest()
del _sandpiper_digest
