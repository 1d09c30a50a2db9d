"""MediaPipe's face detector and 468-point mesh, for photos and drawings.

The crop for the mesh (level eyes, a square half as large again as the face) follows google-ai-edge/mediapipe,
`modules/face_landmark/face_detection_front_detection_to_roi.pbtxt` and `face_landmark_landmarks_to_roi.pbtxt`.
"""

from __future__ import annotations

from typing import Any, ClassVar

import cv2
import numpy as np
import numpy.typing as npt

from spinbot.engines.base import Progress
from spinbot.engines.face import blazeface
from spinbot.engines.face.base import FaceBox, FaceEngine, FaceMesh

MESH_SIDE = 192
MARGIN = 1.5
"""Side of the mesh's crop over the longer side of the face."""
RIGHT_EYE, LEFT_EYE = 33, 263
"""Outer corners, as the person has them: the right eye is on the left of the picture."""


class MediapipeFaceEngine(FaceEngine):
    """Finds faces that take up some 3 % of the picture's longer side (and 15 pixels) or more."""

    name: ClassVar[str] = "mediapipe"
    requires: ClassVar[tuple[str, ...]] = ("mediapipe-face",)
    threshold: ClassVar[float] = 0.5
    """Least detection score; MediaPipe's own."""
    doubt: ClassVar[float] = 8.0
    """A face counts if the mesh's logit is above `doubt * (1 - score)`. Found by trying: 11 of 12 random drawings score
    0.6-0.9 with logits of 4-20, coins and rockets up to 0.7 with 2.6, photos of people 0.9 with 10 or more."""

    _detector: Any = None
    _mesher: Any = None

    def load(self, progress: Progress) -> None:
        """Read both networks. Raises `ModelError` where the model is not installed."""
        from ai_edge_litert.interpreter import Interpreter

        folder = self.models(self.requires[0])
        self._anchors = blazeface.anchors()
        for attribute, file in (("_detector", "face_detection_short_range"), ("_mesher", "face_landmark")):
            progress(0.5 * (attribute == "_mesher"), f"loading {file}")
            network = Interpreter(model_path=str(folder / f"{file}.tflite"), num_threads=self.threads)
            network.allocate_tensors()
            setattr(self, attribute, network)

    def unload(self) -> None:
        """Drop both networks."""
        self._detector = self._mesher = None

    def detect(self, image: npt.NDArray[np.uint8]) -> list[FaceBox]:
        """Faces in an RGB picture (h, w, 3), the largest first.

        The detector wants a face to be a fair share of what it sees, so it looks at the picture with a margin, at the
        whole, and at overlapping halves, quarters and eighths of it. A face counts where the mesh agrees.
        """
        height, width = image.shape[:2]
        longer = max(height, width)
        found = [np.zeros((0, 17), np.float32)]
        for side in (longer * 3 // 2, longer, longer // 2, longer // 4, longer // 8):
            if side < blazeface.SIDE and side < longer:  # nothing is gained by enlarging
                continue
            for view, x, y in blazeface.windows(image, side):
                found.append(self._look(view) * side)
                found[-1][:, 16] /= side
                found[-1][:, 0] += x
                found[-1][:, 1] += y
                found[-1][:, 4:16] += np.tile(np.array([x, y], np.float32), 6)
        boxes = blazeface.merge(np.concatenate(found), overlap=0.4)
        faces = [box for box in boxes if self.mesh(image, box).presence > self.doubt * (1 - box.score)]
        return sorted(faces, key=lambda box: -box.width * box.height)

    def mesh(self, image: npt.NDArray[np.uint8], box: FaceBox) -> FaceMesh:
        """The mesh of the face at `box`: the surest of two crops with level eyes and two refinements of each.

        Photos give the same mesh each time; the logit of drawings varies by some 5 with the crop.
        """
        right, left = box.keypoints[:2]
        centre = np.array([box.x + box.width / 2, box.y + box.height / 2], np.float32)
        looks = []
        for size in (1.0, 1.25):
            looks.append(self._fit(image, centre, left - right, size * max(box.width, box.height)))
            for _ in range(2):
                looks.append(self.track(image, looks[-1]))
        return max(looks, key=lambda look: look.presence)

    def track(self, image: npt.NDArray[np.uint8], last: FaceMesh) -> FaceMesh:
        """The mesh of a face that was at `last` a moment ago: no detection needed."""
        points = last.points[:, :2]
        axis = points[LEFT_EYE] - points[RIGHT_EYE]
        across = axis / max(1e-6, float(np.hypot(*axis)))
        turned = points @ np.stack([across, np.array([-across[1], across[0]], np.float32)], axis=1)
        low, high = turned.min(axis=0), turned.max(axis=0)
        centre = (low + high) / 2 @ np.stack([across, np.array([-across[1], across[0]], np.float32)])
        return self._fit(image, centre.astype(np.float32), axis, float((high - low).max()))

    def _look(self, view: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """Detections in one input of the detector, in units of its side: (n, 17)."""
        regressors, scores = _run(self._detector, view.astype(np.float32) / 127.5 - 1)
        return blazeface.decode(regressors.reshape(-1, 16), scores.ravel(), self._anchors, self.threshold)

    def _fit(
        self, image: npt.NDArray[np.uint8], centre: npt.NDArray[np.float32], axis: npt.NDArray[np.float32], size: float
    ) -> FaceMesh:
        """Run the mesh on the square around `centre` whose upper edge runs along `axis`."""
        scale = max(1.0, size) * MARGIN / MESH_SIDE  # picture pixels a pixel of the crop
        cos, sin = axis / max(1e-6, float(np.hypot(*axis)))
        turn = np.array([[cos, -sin], [sin, cos]], np.float32) * scale
        origin = centre - turn @ np.array([MESH_SIDE / 2, MESH_SIDE / 2], np.float32)
        place = np.concatenate([turn, origin[:, None]], axis=1)
        source = image
        if scale > 2:  # a large face: blur first, or the crop would alias
            source = cv2.blur(image, (int(scale), int(scale)))
        crop = cv2.warpAffine(source, place, (MESH_SIDE, MESH_SIDE), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
        points, logit = _run(self._mesher, crop.astype(np.float32) / 255)
        found = points.reshape(468, 3).astype(np.float32)
        placed = np.concatenate([found[:, :2] @ turn.T + origin, found[:, 2:] * scale], axis=1)
        return FaceMesh(placed.astype(np.float32), float(logit.ravel()[0]))


def _run(network: Any, pixels: npt.NDArray[np.float32]) -> list[npt.NDArray[np.float32]]:
    """The outputs of a network with one picture as its input, copied."""
    network.set_tensor(network.get_input_details()[0]["index"], pixels[None])
    network.invoke()
    return [network.get_tensor(output["index"]) for output in network.get_output_details()]
