//! A number of bytes as an argument.

/// The units that a number may have.
const UNITS: [(&str, u64); 9] = [
    ("kib", 1 << 10),
    ("mib", 1 << 20),
    ("gib", 1 << 30),
    ("tib", 1 << 40),
    ("kb", 1_000),
    ("mb", 1_000_000),
    ("gb", 1_000_000_000),
    ("tb", 1_000_000_000_000),
    ("b", 1),
];

/// Reads `1500`, `2GB`, `1.5 GB` or `512MiB`; `KB` are 1000 bytes, `KiB` are 1024.
pub fn bytes(text: &str) -> Result<u64, String> {
    let wrong = || "expected bytes, such as 1500, 2GB, 1.5GB or 512MiB".to_owned();
    let lower = text.trim().to_ascii_lowercase();
    let with_unit = UNITS.iter().find_map(|&(unit, of)| Some((lower.strip_suffix(unit)?, of)));
    let (number, unit) = with_unit.unwrap_or((&lower, 1));
    let number = number.trim_end();
    // `f64` would take `inf` and `1e99` as well.
    if !number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        return Err(wrong());
    }
    if let Ok(whole) = number.parse::<u64>() {
        return whole.checked_mul(unit).ok_or_else(wrong);
    }
    let bytes = number.parse::<f64>().map_err(|_| wrong())? * unit as f64;
    // A part of a byte means that the unit was forgotten.
    if unit == 1 || bytes >= u64::MAX as f64 {
        return Err(wrong());
    }
    Ok(bytes.round() as u64)
}
