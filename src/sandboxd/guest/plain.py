"""Cells as plain Python: all there is without IPython, and enough with it as long as no cell asks for more."""

import ast
import builtins
import inspect
import io
import os
import re
import tokenize

from . import magics, tracebacks

AWAIT = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT


class Plain:
    """`In`, `Out`, `_`, `__`, `___`, `_1` … are kept as in a notebook."""

    def __init__(self, out, namespace, runner):
        self.out, self.namespace, self.runner = out, namespace, runner
        self.inputs, self.outputs = [""], {}
        self.last = ["", "", ""]
        namespace.update({"In": self.inputs, "Out": self.outputs, magics.CALL: magics.run_line})

    def run(self, code, count, show):
        """Calls `show` with a last value."""
        code = without_indent(code)
        self.inputs += [""] * (count - len(self.inputs)) + [code]
        try:
            pieces = list(steps(code, f"<cell {count}>"))
            if any(is_coroutine(piece) for piece, _is_value in pieces):
                # In one loop from its first line: that may begin what a later one awaits.
                self.runner(self.run_awaiting(pieces, show))
                return
            for piece, is_value in pieces:
                show_if(is_value, eval(piece, self.namespace), show)
        except BaseException as error:
            if not ended_well(error):
                self.out.error(*tracebacks.describe(error))

    async def run_awaiting(self, pieces, show):
        for piece, is_value in pieces:
            value = eval(piece, self.namespace)
            show_if(is_value, await value if is_coroutine(piece) else value, show)

    def taken(self):
        """Names that a notebook wants to have, but the user uses for something else."""
        ours = dict(zip(("_", "__", "___"), self.last), In=self.inputs, Out=self.outputs)
        names = [*ours, "_ih", "_oh", "_dh", "get_ipython", "exit", "quit", "open"]
        found = {name: self.namespace[name] for name in names if name in self.namespace}
        return {name: value for name, value in found.items() if name not in ours or value is not ours[name]}

    def remember(self, value, count):
        self.outputs[count] = value
        self.namespace[f"_{count}"] = value
        names = ("_", "__", "___")
        # Who uses one of the names keeps it.
        are_ours = all(self.namespace.get(name, old) is old for name, old in zip(names, self.last))
        self.last = [value, *self.last[:2]]
        if are_ours:
            self.namespace.update(zip(names, self.last))


def is_coroutine(piece):
    return bool(piece.co_flags & inspect.CO_COROUTINE)


def show_if(is_value, value, show):
    if is_value and value is not None:
        show(value)


def ended_well(error):
    """`sys.exit()` at the end of a script is how a script ends well."""
    return isinstance(error, SystemExit) and error.code in (None, 0)


def is_python(code, namespace):
    """False: only a notebook understands it. A lone name that nobody has defined may be one of its commands."""
    try:
        tree = compile(without_indent(code), "<cell>", "exec", ast.PyCF_ONLY_AST | AWAIT, dont_inherit=True)
    except (SyntaxError, ValueError):
        return False
    only = tree.body[0] if len(tree.body) == 1 else None
    if not isinstance(only, ast.Expr) or not isinstance(only.value, ast.Name):
        return True
    return only.value.id in namespace or hasattr(builtins, only.value.id)


def steps(code, name):
    """A cell as compiled pieces; the last one is a value to show unless it ends in `;`."""
    tracebacks.remember(name, code)
    tree = parsed(code, name, ast.PyCF_ONLY_AST | AWAIT)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    if tree.body:
        yield compile(tree, name, "exec", AWAIT, dont_inherit=True), False
    if last is not None:
        yield compile(ast.Expression(last.value), name, "eval", AWAIT, dont_inherit=True), not is_silenced(code)


def parsed(code, name, flags):
    """A cell that is not Python may be a notebook's."""
    try:
        return compile(code, name, "exec", flags, dont_inherit=True)
    except SyntaxError:
        notebook = magics.rewritten(code)
        if notebook is None:
            raise
        return compile(notebook, name, "exec", flags, dont_inherit=True)


def without_indent(code):
    """Code that was copied out of a block, with the first line's indent."""
    lines = code.split("\n")
    first = next((line for line in lines if line.strip()), "")
    indent = re.match(r"[ \t]*", first)[0]
    return "\n".join(line[len(indent):] if line.startswith(indent) else line for line in lines) if indent else code


def is_silenced(code):
    quiet = (tokenize.NL, tokenize.NEWLINE, tokenize.COMMENT, tokenize.ENDMARKER, tokenize.INDENT, tokenize.DEDENT)
    try:
        words = [one for one in tokenize.generate_tokens(io.StringIO(code).readline) if one.type not in quiet]
    except (tokenize.TokenError, SyntaxError):
        return code.rstrip().endswith(";")
    return bool(words) and words[-1].string == ";"


def restore(before):
    """The environment as it was."""
    for name, value in before.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
