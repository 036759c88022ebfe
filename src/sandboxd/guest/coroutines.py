"""The one event loop of a kernel: what a cell awaits runs here, and what it leaves running goes on in the next."""


class Runner:
    """asyncio takes a while to import; most kernels never await."""

    def __init__(self):
        self.loop = None
        # A coroutine that was told to end by an interrupt fails with KeyboardInterrupt, not with what asyncio raises in it.
        self.is_interrupted = False

    def __call__(self, coroutine):
        import asyncio

        if self.loop is None or self.loop.is_closed():
            self.loop = asyncio.new_event_loop()
            asyncio.set_event_loop(self.loop)
        self.is_interrupted = False
        task = self.loop.create_task(coroutine)
        try:
            return self.loop.run_until_complete(task)
        except KeyboardInterrupt:
            # Left pending, it would go on in the next cell.
            self.is_interrupted = True
            task.cancel()
        try:
            return self.loop.run_until_complete(task)
        except asyncio.CancelledError:
            raise KeyboardInterrupt from None
