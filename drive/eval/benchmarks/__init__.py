"""Benchmarks on files, by name: what each takes stands in its `takes`, what it asks of a planner in its `window`."""

from drive.eval.benchmarks.base import Benchmark
from drive.eval.benchmarks.bench2drive import BENCH2DRIVE, BENCH2DRIVE_COMFORT
from drive.eval.benchmarks.navsim import NAVSIM1, NAVSIM2
from drive.eval.benchmarks.neuroncap import NEURONCAP, NEURONCAP_MOMENTS, NEURONCAP_RESULTS
from drive.eval.benchmarks.wod_e2e import WOD_E2E

BENCHMARKS: dict[str, Benchmark] = {
    benchmark.name: benchmark
    for benchmark in (NAVSIM1, NAVSIM2, WOD_E2E, NEURONCAP, NEURONCAP_MOMENTS, NEURONCAP_RESULTS, BENCH2DRIVE, BENCH2DRIVE_COMFORT)
}
