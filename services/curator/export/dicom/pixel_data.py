"""Pixels of an object: 16 bit, in one of three lossless transfer syntaxes."""

import imagecodecs
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import UID, ExplicitVRLittleEndian, JPEGLSLossless, RLELossless

from shared.images import Film, to_uint16

TRANSFER_SYNTAXES: dict[str, UID] = {
    "explicit": ExplicitVRLittleEndian,
    "rle": RLELossless,
    "jpeg-ls": JPEGLSLossless,
}
_ENCAPSULATED = "OB"
_NATIVE = "OW"


def set_pixels(dataset: Dataset, film: Film, transfer_syntax: str) -> None:
    """Put a film into an object that has its file meta information.

    Args:
        dataset: whose Image Pixel module is written.
        film: (rows, columns) float32 in [0, 1]; 0 becomes 0 and 1 becomes 65535.
        transfer_syntax: "explicit", "rle" or "jpeg-ls"; all keep every bit.

    """
    pixels = to_uint16(film)
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.Rows, dataset.Columns = pixels.shape
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 16, 15
    dataset.PixelRepresentation = 0
    dataset.file_meta.TransferSyntaxUID = TRANSFER_SYNTAXES[transfer_syntax]
    if transfer_syntax == "explicit":
        dataset.PixelData = pixels.astype("<u2").tobytes()
        dataset["PixelData"].VR = _NATIVE
    elif transfer_syntax == "jpeg-ls":
        dataset.PixelData = encapsulate([bytes(imagecodecs.jpegls_encode(pixels, level=0))])
        dataset["PixelData"].VR = _ENCAPSULATED
    else:
        dataset.compress(RLELossless, pixels, encoding_plugin="pydicom", generate_instance_uid=False)
