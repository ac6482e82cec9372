"""The part of the build that pyproject.toml cannot say: the C kernels, compiled side by side, and the stub files."""

import os
import sys
from concurrent.futures import ThreadPoolExecutor

from setuptools import setup
from setuptools.command.build_ext import build_ext


class ParallelBuild(build_ext):
    """Compiles the files of an extension at the same time: each instruction set's unit takes many seconds."""

    def build_extensions(self):
        """Waits for all compilations before the linker is called."""
        compile_all, compile_one = self.compiler.compile, self.compiler._compile

        def compile_in_parallel(*args, **keywords):
            with ThreadPoolExecutor(os.cpu_count()) as pool:
                jobs = []
                self.compiler._compile = lambda *file: jobs.append(pool.submit(compile_one, *file))
                objects = compile_all(*args, **keywords)
                for job in jobs:
                    job.result()
            return objects

        self.compiler.compile = compile_in_parallel
        super().build_extensions()


sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))  # an isolated build does not look here
import stubs  # noqa: E402

stubs.write()
setup(cffi_modules=["csrc/build.py:ffi"], cmdclass={"build_ext": ParallelBuild})
