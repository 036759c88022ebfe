# Chance begins at the same place in every sandbox of a conversation, so that running its cells again leads to the same values.
def _sandpiper_prelude(seed):
    import random
    random.seed(seed)
    try:
        import numpy
    except ImportError:
        return
    numpy.random.seed(seed)
    fresh, made = numpy.random.default_rng, [0]
    def default_rng(seed_or_rng=None):
        if seed_or_rng is not None:
            return fresh(seed_or_rng)
        made[0] += 1
        return fresh([seed, made[0]])
    default_rng.__doc__ = fresh.__doc__
    numpy.random.default_rng = default_rng
