"""The few calls of VTK's Python layer that carry no types, given some."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from vtkmodules.util.numpy_support import numpy_to_vtk, vtk_to_numpy
from vtkmodules.vtkCommonCore import VTK_OBJECT, vtkDataArray, vtkFloatArray, vtkObject, vtkUnsignedCharArray
from vtkmodules.vtkRenderingOpenGL2 import vtkShaderProgram

from armillary.model.arrays import F4, I4, U1


def shared(array: F4 | I4 | U1, name: str = "") -> vtkDataArray:
    """Return a VTK array over the memory of a numpy array, which must stay unchanged."""
    # reason of the ignores in this module: vtkmodules.util ships no annotations
    out: vtkDataArray = numpy_to_vtk(np.ascontiguousarray(array))  # type: ignore[no-untyped-call]
    out.SetName(name)
    return out


def bytes_of(array: vtkUnsignedCharArray) -> npt.NDArray[np.uint8]:
    """Return the values of a VTK array without a copy."""
    out: npt.NDArray[np.uint8] = vtk_to_numpy(array)  # type: ignore[no-untyped-call]
    return out


def floats_of(array: vtkFloatArray) -> F4:
    """Return the values of a VTK array without a copy."""
    out: F4 = vtk_to_numpy(array)  # type: ignore[no-untyped-call]
    return out


def observe(caller: vtkObject, event: str, call: Callable[[], None]) -> None:
    """Call `call` at each event of that name."""
    # reason: the stubs know only the form with a number
    caller.AddObserver(event, lambda _caller, _event: call())  # type: ignore[arg-type]


def observe_shader(mapper: vtkObject, call: Callable[[vtkShaderProgram], None]) -> None:
    """Call `call` with the shader program of a mapper before it draws."""

    def draws(_caller: vtkObject, _event: str, program: vtkShaderProgram) -> None:
        call(program)

    draws.CallDataType = VTK_OBJECT  # type: ignore[attr-defined]  # how VTK learns to pass the program
    mapper.AddObserver("UpdateShaderEvent", draws)  # type: ignore[arg-type]
