//! Buffers of the kernels behind tensors.

use std::mem::MaybeUninit;

use burn::tensor::Bytes;
use burn_std::{AccessError, AccessPolicy, AllocationController, AllocationProperty};

use crate::kernels::memory::Buffer;

impl From<Buffer> for Bytes {
    fn from(buffer: Buffer) -> Self {
        let len = size_of_val(&buffer[..]);
        // SAFETY: the controller has that many bytes, and all are initialized.
        unsafe { Self::from_controller(Box::new(buffer), len) }
    }
}

impl AllocationController for Buffer {
    fn alloc_align(&self) -> usize {
        align_of::<f32>()
    }

    fn property(&self) -> AllocationProperty {
        AllocationProperty::Native
    }

    unsafe fn memory_mut(
        &mut self,
        _: AccessPolicy,
    ) -> Result<&mut [MaybeUninit<u8>], AccessError> {
        let values = &mut self[..];
        // SAFETY: the bytes of the values, borrowed as they are. The caller promises to write only
        // initialized ones, and any four of them are a number.
        Ok(unsafe {
            std::slice::from_raw_parts_mut(values.as_mut_ptr().cast(), size_of_val(values))
        })
    }

    fn memory(&self, _: AccessPolicy) -> Result<&[MaybeUninit<u8>], AccessError> {
        let values = &self[..];
        // SAFETY: the bytes of the values, borrowed as they are.
        Ok(unsafe { std::slice::from_raw_parts(values.as_ptr().cast(), size_of_val(values)) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_behind_a_tensor_is_read_written_and_copied() {
        let buffer = Buffer::from((0..5000_u16).map(f32::from).collect::<Vec<_>>());
        let mut bytes = Bytes::from(buffer);
        bytes[..4].copy_from_slice(&7.0_f32.to_ne_bytes());
        let copy = bytes.clone();
        drop(bytes);
        let values = copy.try_into_vec::<f32>().unwrap();
        assert_eq!((values[0], values[1], values[4999], values.len()), (7.0, 1.0, 4999.0, 5000));
    }
}
