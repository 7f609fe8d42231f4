//! Whether a JPEG is there to its end.

/// Whether a JPEG breaks off before the marker of its end. Decoders forgive it: what is missing
/// becomes grey.
pub(super) fn breaks_off(jpeg: &[u8]) -> bool {
    let mut rest = jpeg;
    // Within a scan 0xff is followed by 0, or by a marker that has no length; elsewhere by a
    // marker and the length of what belongs to it, a thumbnail with an end of its own for one.
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
