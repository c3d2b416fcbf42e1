"""How Grain's workers are started."""

import subprocess
import sys

from kohort.data.spawning import without_interrupts


def test_a_worker_leaves_ctrl_c_to_its_parent():
    program = "import os, signal; os.kill(os.getpid(), signal.SIGINT); print('alive')"
    command = without_interrupts([sys.executable, "-c", program])
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.stdout, done.stderr, done.returncode) == ("alive\n", "", 0)
