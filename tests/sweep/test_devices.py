"""Devices: one CPU core per job, unless the user sets the number of devices."""

import os
import subprocess
import sys

import pytest

from tests.small import ROOT

DEVICES = """
import sys
from regjax.sweep.devices import prepare_devices
print(*(len(prepare_devices("cpu", sys.argv[1], jobs)) for jobs in map(int, sys.argv[2:])))
"""
CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def devices(tmp_path, *jobs, **environment):
    command = [sys.executable, "-c", DEVICES, str(tmp_path), *map(str, jobs)]
    out = subprocess.check_output(command, cwd=ROOT, env=os.environ | environment, text=True, timeout=60)
    return [int(count) for count in out.split()]


def test_a_cpu_has_a_device_for_each_job_and_at_most_one_a_core(tmp_path):
    assert devices(tmp_path, 1) == [1]


def test_the_devices_of_a_process_stay_as_its_first_command_made_them(tmp_path):
    assert devices(tmp_path, 1000, 1, 1000) == [CORES, 1, CORES]


@pytest.mark.parametrize(
    "asked", [{"JAX_NUM_CPU_DEVICES": "3"}, {"XLA_FLAGS": "--xla_force_host_platform_device_count=3"}]
)
def test_the_devices_that_a_user_asks_for_are_taken(tmp_path, asked):
    assert devices(tmp_path, 5, 2, **asked) == [3, 2]
