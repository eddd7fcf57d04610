"""Leave out the page that runs PyTorch where there is none; the gate has it."""

from importlib.util import find_spec

collect_ignore = [] if find_spec("torch") else ["tutorials/7-the-same-in-pytorch.md"]
