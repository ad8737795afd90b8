"""What a machine may not have, put on the process that calls it."""

import ctypes
import os
import resource


def obey_permissions():
    """Root, too, may only what permissions let: its rights to pass them over are given up."""
    if os.geteuid() == 0:
        libc = ctypes.CDLL(None, use_errno=True)
        header = (ctypes.c_uint32 * 2)(0x20080522, 0)  # version 3, this process
        data = (ctypes.c_uint32 * 6)()
        if libc.capget(header, data):
            raise OSError(ctypes.get_errno(), "capget")
        data[0] &= ~0b1110  # of the effective: CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_FOWNER
        if libc.capset(header, data):
            raise OSError(ctypes.get_errno(), "capset")


def small_disk():
    """No file may grow beyond 4 kB."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))


def few_files():
    """No further file may be opened."""
    count = len(os.listdir("/proc/self/fd"))
    resource.setrlimit(resource.RLIMIT_NOFILE, (count, count))


def little_memory(free=4 * 2**30):
    """Four gigabytes more than what is in use already."""
    with open("/proc/self/statm") as file:
        used = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + free, used + free))


def nameless():
    """The user has no name and no home folder, as in a container with a number for a user."""
    import pwd

    def unknown(number):
        raise KeyError(f"getpwuid(): uid not found: {number}")

    pwd.getpwuid = unknown


def without_plugins():
    """JAX has no plugin for a GPU, whatever is installed here."""
    from jax._src import xla_bridge

    xla_bridge.discover_pjrt_plugins = lambda: None


def without_torch():
    """PyTorch is not installed."""
    import sys

    sys.modules["torch"] = None
