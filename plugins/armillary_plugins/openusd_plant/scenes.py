"""The scene that the skid's server delivers: a root layer, a pump of its own file, a tank."""

from __future__ import annotations

ROOT = "skid.usda"
PUMP = "parts/pump.usda"

SKID = b"""#usda 1.0
(
    defaultPrim = "Skid"
    metersPerUnit = 1
    upAxis = "Z"
)

def Xform "Skid" (
    kind = "assembly"
)
{
    def Cube "Base"
    {
        double size = 1
        double3 xformOp:translate = (0, 0, -0.1)
        double3 xformOp:scale = (4, 2, 0.2)
        uniform token[] xformOpOrder = ["xformOp:translate", "xformOp:scale"]
        color3f[] primvars:displayColor = [(0.3, 0.32, 0.34)]
    }
    def Xform "P101" (
        references = @parts/pump.usda@</Pump>
    )
    {
        double3 xformOp:translate = (-1.2, 0, 0.4)
        uniform token[] xformOpOrder = ["xformOp:translate"]
    }
    def Xform "Tank"
    {
        double3 xformOp:translate = (0.9, 0, 0)
        uniform token[] xformOpOrder = ["xformOp:translate"]
        def Cylinder "Shell"
        {
            double radius = 0.6
            double height = 1.4
            uniform token axis = "Z"
            double3 xformOp:translate = (0, 0, 0.7)
            uniform token[] xformOpOrder = ["xformOp:translate"]
            color3f[] primvars:displayColor = [(0.6, 0.62, 0.64)]
        }
        def Cube "Float"
        {
            double size = 0.2
            double xformOp:translateZ = 0
            uniform token[] xformOpOrder = ["xformOp:translateZ"]
            color3f[] primvars:displayColor = [(0.9, 0.9, 0.9)]
        }
    }
    def Sphere "Lamp"
    {
        double radius = 0.25
        double3 xformOp:translate = (0, 0, 2)
        uniform token[] xformOpOrder = ["xformOp:translate"]
        color3f[] primvars:displayColor = [(0.9, 0.1, 0.1)]
    }
    def Xform "Arm"
    {
        matrix4d xformOp:transform = ( (1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 1, 0), (0, 1.2, 1, 1) )
        uniform token[] xformOpOrder = ["xformOp:transform"]
        def Cube "Link"
        {
            double size = 0.3
            color3f[] primvars:displayColor = [(0.7, 0.6, 0.2)]
        }
    }
    def Scope "Line"
    {
    }
}
"""

PUMP_LAYER = b"""#usda 1.0
(
    defaultPrim = "Pump"
    metersPerUnit = 1
    upAxis = "Z"
)

def Xform "Pump" (
    kind = "component"
)
{
    def Cube "Body"
    {
        double size = 0.7
        color3f[] primvars:displayColor = [(0.5, 0.5, 0.55)]
    }
    def Cylinder "Impeller"
    {
        double radius = 0.25
        double height = 0.9
        uniform token axis = "Z"
        double xformOp:rotateZ = 0
        uniform token[] xformOpOrder = ["xformOp:rotateZ"]
        color3f[] primvars:displayColor = [(0.8, 0.8, 0.3)]
    }
}
"""

FILES = {ROOT: (0, SKID), PUMP: (2, PUMP_LAYER)}
