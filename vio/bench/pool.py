"""Calls in several processes, by joblib."""


def in_parallel(function, arguments: list[tuple], jobs: int, progress=None) -> list:
    """Results of function(*a) for every a, in order, from `jobs` processes (or this one).

    Args:
        progress: called as progress(calls done, calls in total).
    """
    from joblib import Parallel, delayed

    calls = (delayed(function)(*a) for a in arguments)
    out = []
    for result in Parallel(n_jobs=min(jobs, len(arguments)) or 1, return_as="generator")(calls):
        out.append(result)
        if progress:
            progress(len(out), len(arguments))
    return out
