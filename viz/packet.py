"""A scene as one block of bytes: a line of JSON that says where each column lies, then the columns.

All of a frame travels at once, so that no agent is ever drawn at the place of one step in the colour of another.
"""

import json
import struct
from typing import Any

import numpy as np

from viz.scene import Scene


def packed(scene: Scene, number: int, step: int) -> bytes:
    """Returns the bytes of frame `number`; `viz/front/frame.js` reads them.

    The first four bytes are the length of the header, little-endian; columns begin at multiples of four after it.
    """
    blocks: list[bytes] = []
    position = 0

    def put(array: np.ndarray | None) -> int | None:
        nonlocal position
        if array is None:
            return None
        data = np.ascontiguousarray(array).tobytes()
        padded = data + b"\0" * (-len(data) % 4)
        start, position = position, position + len(padded)
        blocks.append(padded)
        return start

    header: dict[str, Any] = {
        "number": number,
        "step": step,
        "extent": scene.extent,
        "images": [
            {
                "name": i.name,
                "palette": i.palette,
                "levels": i.levels,
                "height": i.pixels.shape[0],
                "width": i.pixels.shape[1],
                "at": put(i.pixels),
            }
            for i in scene.images
        ],
        "links": {"count": len(scene.links), "at": put(scene.links)},
        "layers": [
            {
                "role": layer.role,
                "shape": layer.shape,
                "slot": layer.slot,
                "size": layer.size,
                "count": len(layer.x),
                "legend": layer.legend,
                "uid": put(layer.uid),
                "x": put(layer.x),
                "y": put(layer.y),
                "heading": put(layer.heading),
                "colour": put(layer.colour),
                "scale": put(layer.scale),
            }
            for layer in scene.layers
        ],
    }
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 4)
    return struct.pack("<I", len(text)) + text + b"".join(blocks)
