//! What tests share.

/// Numbers between -1 and 1 that look random, of a seed.
pub(crate) fn numbers(count: usize, seed: u64) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let next = || {
        // SplitMix64.
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) >> 40) as f32 / (1 << 23) as f32 - 1.0
    };
    std::iter::repeat_with(next).take(count).collect()
}

/// Asserts that values are as expected, within 1e-5 of each one's size.
pub(crate) fn assert_close(found: &[f32], expected: &[f64], sizes: &[f64], name: &str) {
    assert_eq!(found.len(), expected.len(), "{name}");
    for (index, ((&found, &expected), &size)) in found.iter().zip(expected).zip(sizes).enumerate() {
        let error = (f64::from(found) - expected).abs();
        assert!(
            error <= 1e-5 * size.max(expected.abs()),
            "{name}: value {index} is {found}, expected {expected}"
        );
    }
}
