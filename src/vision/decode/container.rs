//! Checks on an image file before it is decoded: whether a JPEG is truncated, and which chunks of
//! a PNG the decoder needs.

use std::borrow::Cow;

/// The first bytes of a JPEG.
const JPEG: [u8; 2] = [0xff, 0xd8];
/// The first bytes of a PNG.
const PNG: [u8; 8] = *b"\x89PNG\r\n\x1a\n";
/// The longest EXIF chunk of a PNG that is kept, in bytes. A JPEG holds at most 64 KiB of EXIF.
const LONGEST_EXIF: usize = 1 << 20;

/// Returns whether the bytes are a JPEG without its end marker. Decoders accept it and fill the
/// missing part with grey.
pub(super) fn is_cut_jpeg(bytes: &[u8]) -> bool {
    if !bytes.starts_with(&JPEG) {
        return false;
    }
    let mut rest = bytes;
    // Within a scan, 0xff is followed by 0 or by a marker without a length. Elsewhere it starts a
    // marker with the length of its segment. A thumbnail in the segment has its own end marker.
    while let Some(at) = rest.iter().position(|&byte| byte == 0xff) {
        rest = &rest[at + 1..];
        match rest {
            [0xd9, ..] => return false,
            [0 | 1 | 0xd0..=0xd8 | 0xff, ..] => {}
            [_, high, low, ..] => {
                let length = usize::from(u16::from_be_bytes([*high, *low]));
                rest = rest.get(1 + length..).unwrap_or_default();
            }
            _ => return true,
        }
    }
    true
}

/// Returns whether the bytes are a progressive JPEG, whose decoder holds all coefficients at once.
pub(super) fn is_progressive_jpeg(bytes: &[u8]) -> bool {
    let mut rest = bytes.strip_prefix(&JPEG).unwrap_or_default();
    while let [0xff, marker, after @ ..] = rest {
        match (marker, after) {
            (0xc2 | 0xc6 | 0xca | 0xce, _) => return true,
            (0xff, _) => rest = &rest[1..],
            // The scan begins: the frame has come before it.
            (0xda, _) | (_, [] | [_]) => return false,
            (_, [high, low, ..]) => {
                let length = usize::from(u16::from_be_bytes([*high, *low]));
                rest = after.get(length..).unwrap_or_default();
            }
        }
    }
    false
}

/// Removes the chunks of a PNG that are not used here, such as colour profiles and texts. Returns
/// any other file unchanged.
///
/// The decoder inflates profiles and texts without regard to its memory limit: a file of 4 MB could
/// take a thousand times as much memory.
pub(super) fn without_metadata(bytes: &[u8]) -> Cow<'_, [u8]> {
    if !bytes.starts_with(&PNG) {
        return Cow::Borrowed(bytes);
    }
    let (mut kept, mut copied, mut at) = (Vec::new(), 0, PNG.len());
    // A chunk is a length, a type, the content and a checksum: 12 bytes besides the content.
    while let Some(&[a, b, c, d, ref kind @ ..]) =
        bytes.get(at..).and_then(|b| b.first_chunk::<8>())
    {
        let length = u32::from_be_bytes([a, b, c, d]) as usize;
        let end = at.saturating_add(length).saturating_add(12).min(bytes.len());
        if !is_used(kind, length) {
            kept.extend_from_slice(&bytes[copied..at]);
            copied = end;
        }
        at = end;
    }
    if copied == 0 {
        return Cow::Borrowed(bytes);
    }
    kept.extend_from_slice(&bytes[copied..]);
    Cow::Owned(kept)
}

/// Returns whether the decoder needs a chunk: a critical one, whose type begins with a capital
/// letter, the transparency, or EXIF, which holds the orientation.
fn is_used(kind: &[u8; 4], length: usize) -> bool {
    kind[0].is_ascii_uppercase() || kind == b"tRNS" || (kind == b"eXIf" && length <= LONGEST_EXIF)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunk(kind: &[u8; 4], content: &[u8]) -> Vec<u8> {
        let length = (content.len() as u32).to_be_bytes();
        [&length[..], kind, content, &[0; 4]].concat()
    }

    #[test]
    fn chunks_that_nothing_uses_are_left_out_of_a_png() {
        let (head, data) = (chunk(b"IHDR", &[1; 13]), chunk(b"IDAT", &[2; 5]));
        let (exif, end) = (chunk(b"eXIf", &[3; 9]), chunk(b"IEND", &[]));
        let plain = [&PNG[..], &head, &exif, &data, &end].concat();
        assert!(matches!(without_metadata(&plain), Cow::Borrowed(_)));
        let profile = chunk(b"iCCP", &[4; 1000]);
        let (text, long_exif) = (chunk(b"zTXt", &[5; 70]), chunk(b"eXIf", &vec![6; (1 << 20) + 1]));
        let full = [&PNG[..], &head, &profile, &long_exif, &exif, &data, &text, &end].concat();
        assert_eq!(without_metadata(&full), plain);
    }

    #[test]
    fn a_png_that_is_cut_within_a_profile_ends_before_it() {
        let head = [&PNG[..], &chunk(b"IHDR", &[1; 13])].concat();
        let cut = [&head[..], &chunk(b"iCCP", &[4; 1000])[..500]].concat();
        assert_eq!(without_metadata(&cut), head);
    }

    #[test]
    fn a_progressive_jpeg_is_known_by_its_frame() {
        let comment = [0xff, 0xfe, 0, 4, 0xff, 0xc2];
        let jpeg = |frame| [&JPEG[..], &comment, &[0xff, 0xff, frame, 0, 2, 0xff, 0xda]].concat();
        assert!(is_progressive_jpeg(&jpeg(0xc2)) && !is_progressive_jpeg(&jpeg(0xc0)));
        assert!(!is_progressive_jpeg(&JPEG) && !is_progressive_jpeg(&jpeg(0xc2)[..9]));
    }

    #[test]
    fn a_jpeg_is_whole_only_with_the_marker_of_its_end() {
        let thumbnail = [0xff, 0xe1, 0, 6, 0xff, 0xd8, 0xff, 0xd9];
        let whole =
            [&JPEG[..], &thumbnail, &[0xff, 0xda, 0, 2, 7, 0xff, 0, 7, 0xff, 0xd9]].concat();
        assert!(!is_cut_jpeg(&whole));
        assert!((2..whole.len()).all(|length| is_cut_jpeg(&whole[..length])));
    }
}
