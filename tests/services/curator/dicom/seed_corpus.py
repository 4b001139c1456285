"""Small whole files of every kind that films are read from, for tests that damage them."""

import io

import imagecodecs
import jpeg_ls
import numpy as np
from numpy.typing import NDArray
from openjpeg.utils import encode_array
from PIL import Image
from pydicom import uid
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.pixels.encoders import RLELosslessEncoder
from pydicom.sequence import Sequence

SHAPE = (40, 32)


def make_pixels() -> NDArray[np.uint16]:
    """12 bit, smooth with some noise."""
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    noise = np.random.default_rng(0).integers(0, 60, SHAPE)
    return np.asarray(2000 + 1500 * np.sin(x / 9) * np.cos(y / 11) + noise, dtype=np.uint16)


def make_corpus() -> dict[str, bytes]:
    """Every file by what it is; all can be read."""
    pixels = make_pixels()
    eight = (pixels >> 4).astype(np.uint8)
    compressed = {
        "RLE": (uid.RLELossless, _rle(pixels)),
        "JPEG extended": (uid.JPEGExtended12Bit, imagecodecs.jpeg8_encode(pixels, level=95, bitspersample=12)),
        "JPEG lossless": (uid.JPEGLosslessSV1, imagecodecs.jpeg8_encode(pixels, lossless=True, bitspersample=12)),
        "JPEG-LS": (uid.JPEGLSLossless, bytes(jpeg_ls.encode_array(pixels))),
        "JPEG 2000": (
            uid.JPEG2000Lossless,
            bytes(encode_array(pixels, photometric_interpretation=2, bits_stored=12)),
        ),
        "HTJ2K": (uid.HTJ2KLossless, bytes(imagecodecs.htj2k_encode(pixels))),
    }
    corpus = {name: _dicom(pixels, syntax, frame=frame) for name, (syntax, frame) in compressed.items()}
    corpus["JPEG baseline"] = _dicom(eight, uid.JPEGBaseline8Bit, frame=imagecodecs.jpeg8_encode(eight, level=95))
    for syntax in (uid.ImplicitVRLittleEndian, uid.ExplicitVRLittleEndian, uid.ExplicitVRBigEndian):
        corpus[syntax.name] = _dicom(pixels, syntax)
    corpus["signed"] = _dicom((pixels.astype(np.int16) - 2000), uid.ExplicitVRLittleEndian, RescaleSlope="1.5")
    corpus["look-up tables"] = _dicom(
        pixels, uid.ExplicitVRLittleEndian, ModalityLUTSequence=_lut(12), VOILUTSequence=_lut(12)
    )
    corpus["window"] = _dicom(
        pixels,
        uid.ExplicitVRLittleEndian,
        WindowCenter=["2000", "1"],
        WindowWidth=["3000", "2"],
        VOILUTFunction="SIGMOID",
        PhotometricInterpretation="MONOCHROME1",
        PixelPaddingValue=0,
        ImagerPixelSpacing=[0.1, 0.2],
    )
    corpus["views"] = _dicom(pixels, uid.ImplicitVRLittleEndian, ViewCodeSequence=_views())
    for name, image in {"PNG": pixels << 4, "TIFF": pixels << 4, "JPEG": eight}.items():
        buffer = io.BytesIO()
        Image.fromarray(image).save(buffer, format=name)
        corpus[name] = buffer.getvalue()
    return corpus


def _rle(pixels: NDArray[np.uint16]) -> bytes:
    return bytes(
        RLELosslessEncoder.encode(
            pixels.tobytes(),
            rows=pixels.shape[0],
            columns=pixels.shape[1],
            samples_per_pixel=1,
            bits_allocated=16,
            bits_stored=16,
            pixel_representation=0,
            photometric_interpretation="MONOCHROME2",
            number_of_frames=1,
        )
    )


def _lut(bits: int) -> Sequence:
    item = Dataset()
    item.LUTDescriptor = [4096, 0, bits]
    item["LUTDescriptor"].VR = "US"
    item.LUTData = np.arange(4096, dtype="<u2").tobytes()
    item["LUTData"].VR = "OW"
    return Sequence([item])


def _views() -> Sequence:
    modifier, view = Dataset(), Dataset()
    modifier.CodeValue, modifier.CodingSchemeDesignator = "399163009", "SCT"
    view.CodeValue, view.CodingSchemeDesignator = "399162004", "SCT"
    view.ViewModifierCodeSequence = Sequence([modifier])
    return Sequence([view])


def _dicom(pixels: NDArray[np.integer], syntax: uid.UID, *, frame: bytes = b"", **elements: object) -> bytes:
    dataset = Dataset()
    dataset.SOPClassUID = uid.DigitalMammographyXRayImageStorageForPresentation
    dataset.SOPInstanceUID, dataset.SeriesInstanceUID, dataset.StudyInstanceUID = "1.2.3.4", "1.2.3", "1.2"
    dataset.PatientName, dataset.PatientID, dataset.Modality = "Doe^Jane", "P1", "MG"
    dataset.ImageLaterality, dataset.ViewPosition = "L", ""
    dataset.Rows, dataset.Columns = pixels.shape
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated = 8 * pixels.dtype.itemsize
    dataset.BitsStored = min(12, dataset.BitsAllocated)
    dataset.HighBit = dataset.BitsStored - 1
    dataset.PixelRepresentation = int(pixels.dtype.kind == "i")
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)
    order = "<" if syntax.is_little_endian else ">"
    plain = pixels.astype(pixels.dtype.newbyteorder(order)).tobytes()
    dataset.PixelData = encapsulate([frame]) if frame else plain
    dataset["PixelData"].VR = "OW" if dataset.BitsAllocated == 16 else "OB"
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = syntax
    buffer = io.BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()
