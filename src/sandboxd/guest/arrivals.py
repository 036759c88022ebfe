"""Does something to a module when it has been imported, whoever imports it, and nothing before."""

import importlib.abc
import importlib.util
import sys


class Arrivals(importlib.abc.MetaPathFinder):
    def __init__(self):
        self.waiting = {}

    def expect(self, name, action):
        """Calls `action(module)` once the module is there."""
        if name in sys.modules:
            attempt(action, sys.modules[name])
            return
        self.waiting[name] = action
        if self not in sys.meta_path:
            sys.meta_path.insert(0, self)

    def forget(self, name):
        self.waiting.pop(name, None)

    def find_spec(self, name, path=None, target=None):
        action = self.waiting.pop(name, None)
        if action is None:
            return None
        spec = importlib.util.find_spec(name)
        if spec is None or spec.loader is None:
            return None
        spec.loader = Loader(spec.loader, action)
        return spec


class Loader(importlib.abc.Loader):
    """The module's own loader, and the action after it."""

    def __init__(self, loader, action):
        self.loader, self.action = loader, action

    def __getattr__(self, name):
        return getattr(self.loader, name)

    def create_module(self, spec):
        return self.loader.create_module(spec)

    def exec_module(self, module):
        # What asks a module for its loader (resources, inspect) must find its own.
        module.__spec__.loader = module.__loader__ = self.loader
        self.loader.exec_module(module)
        attempt(self.action, module)


def attempt(action, module):
    try:
        action(module)
    except Exception:
        # Another version of the package: it works as its makers meant it to.
        return


arrivals = Arrivals()
