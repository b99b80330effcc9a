//! Decompression in pieces, with a hard limit on the size and on the ratio.

use std::io::{self, Write as _};

use bytes::BytesMut;
use flate2::write::MultiGzDecoder;
use zstd::stream::raw::{DParameter, Decoder, Operation as _};

/// How a body is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coding {
    /// Not at all.
    Plain,
    /// RFC 1952.
    Gzip,
    /// RFC 8878.
    Zstd,
}

/// How many times larger than what came a body may become. NDJSON of real events stays under 50.
const MOST_RATIO: usize = 200;
/// Below this size the ratio does not matter.
const FREE_BYTES: usize = 1 << 20;
/// The largest window of zstd, as a power of two: 8 MiB, what RFC 9659 lets a sender use.
const WINDOW_LOG: u32 = 23;
/// The pieces in which zstd gives its output.
const PIECE: usize = 16 << 10;

/// Why a body cannot be decompressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It is larger than it may be.
    TooLarge,
    /// It grows more than it may: a bomb.
    Bomb,
    /// It is not what its coding says, or is cut off.
    Corrupt,
}

/// Decompresses one body.
pub struct Inflate {
    decoder: Kind,
    most: usize,
    /// Bytes that came.
    taken: usize,
}

enum Kind {
    Plain(BytesMut),
    Gzip(Box<MultiGzDecoder<Bounded>>),
    Zstd { decoder: Box<Decoder<'static>>, out: Bounded, between_frames: bool },
}

/// Takes output up to a limit that is set before each piece of input.
struct Bounded {
    bytes: BytesMut,
    limit: usize,
    full: bool,
}

impl Bounded {
    fn new() -> Self {
        Self { bytes: BytesMut::new(), limit: 0, full: false }
    }
}

impl io::Write for Bounded {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        if self.bytes.len() + piece.len() > self.limit {
            self.full = true;
            return Err(io::Error::other("the body is too large"));
        }
        self.bytes.extend_from_slice(piece);
        Ok(piece.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Inflate {
    /// For a body of this coding that may have at most `most` bytes.
    pub fn new(coding: Coding, most: usize) -> io::Result<Self> {
        let decoder = match coding {
            Coding::Plain => Kind::Plain(BytesMut::new()),
            Coding::Gzip => Kind::Gzip(Box::new(MultiGzDecoder::new(Bounded::new()))),
            Coding::Zstd => {
                let mut decoder = Decoder::new()?;
                decoder.set_parameter(DParameter::WindowLogMax(WINDOW_LOG))?;
                let decoder = Box::new(decoder);
                Kind::Zstd { decoder, out: Bounded::new(), between_frames: true }
            }
        };
        Ok(Self { decoder, most, taken: 0 })
    }

    /// How many bytes the body has so far.
    pub fn len(&self) -> usize {
        match &self.decoder {
            Kind::Plain(bytes) => bytes.len(),
            Kind::Gzip(decoder) => decoder.get_ref().bytes.len(),
            Kind::Zstd { out, .. } => out.bytes.len(),
        }
    }

    /// Takes the next piece.
    pub fn push(&mut self, piece: &[u8]) -> Result<(), Fault> {
        self.taken += piece.len();
        if self.taken > self.most {
            return Err(Fault::TooLarge);
        }
        let by_ratio = self.taken.saturating_mul(MOST_RATIO).max(FREE_BYTES);
        let limit = self.most.min(by_ratio);
        let full = if limit < self.most { Fault::Bomb } else { Fault::TooLarge };
        match &mut self.decoder {
            Kind::Plain(bytes) => {
                bytes.extend_from_slice(piece);
                Ok(())
            }
            Kind::Gzip(decoder) => {
                decoder.get_mut().limit = limit;
                let written = decoder.write_all(piece);
                written.map_err(|_| if decoder.get_ref().full { full } else { Fault::Corrupt })
            }
            Kind::Zstd { decoder, out, between_frames } => {
                out.limit = limit;
                let run = unpack(decoder, piece, out, between_frames);
                run.map_err(|_| if out.full { full } else { Fault::Corrupt })
            }
        }
    }

    /// The whole body, if it ended as it should.
    pub fn finish(self) -> Result<BytesMut, Fault> {
        match self.decoder {
            Kind::Plain(bytes) => Ok(bytes),
            Kind::Gzip(decoder) => {
                decoder.finish().map(|out| out.bytes).map_err(|_| Fault::Corrupt)
            }
            Kind::Zstd { out, between_frames: true, .. } => Ok(out.bytes),
            Kind::Zstd { .. } => Err(Fault::Corrupt),
        }
    }
}

fn unpack(
    decoder: &mut Decoder<'static>,
    mut piece: &[u8],
    out: &mut Bounded,
    between_frames: &mut bool,
) -> io::Result<()> {
    let mut buffer = [0; PIECE];
    loop {
        let status = decoder.run_on_buffers(piece, &mut buffer)?;
        out.write_all(&buffer[..status.bytes_written])?;
        piece = &piece[status.bytes_read..];
        // Nothing read and nothing written: the decoder has what it can have.
        if status.bytes_read + status.bytes_written > 0 {
            *between_frames = status.remaining == 0;
        }
        if piece.is_empty() && status.bytes_written < buffer.len() {
            return Ok(());
        }
        if status.bytes_read + status.bytes_written == 0 {
            return Err(io::ErrorKind::InvalidData.into());
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed step fails the test")]

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn gzip(body: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(body).unwrap();
        encoder.finish().unwrap()
    }

    fn zstd(body: &[u8]) -> Vec<u8> {
        ::zstd::encode_all(body, 3).unwrap()
    }

    fn inflate(coding: Coding, body: &[u8], size: usize, most: usize) -> Result<Vec<u8>, Fault> {
        let mut inflate = Inflate::new(coding, most).unwrap();
        for piece in body.chunks(size) {
            inflate.push(piece)?;
        }
        inflate.finish().map(Into::into)
    }

    /// Text that compresses as events do.
    fn body(lines: usize) -> Vec<u8> {
        (0_u64..lines as u64)
            .map(|line| {
                format!("{{\"n\":{},\"x\":{}}}\n", line, line.wrapping_mul(0x9E37_79B9) % 997)
            })
            .collect::<String>()
            .into_bytes()
    }

    #[test]
    fn bodies_come_back_however_they_are_cut() {
        let plain = body(20_000);
        for (coding, packed) in [
            (Coding::Plain, plain.clone()),
            (Coding::Gzip, gzip(&plain)),
            (Coding::Zstd, zstd(&plain)),
        ] {
            for size in [1, 7, 1000, packed.len()] {
                let found = inflate(coding, &packed, size, 1 << 20).unwrap();
                assert!(found == plain, "{coding:?} in pieces of {size}");
            }
        }
    }

    #[test]
    fn several_members_are_one_body() {
        let two = |pack: fn(&[u8]) -> Vec<u8>| [pack(b"{}\n"), pack(b"[]\n")].concat();
        assert_eq!(inflate(Coding::Gzip, &two(gzip), 5, 100).unwrap(), b"{}\n[]\n");
        assert_eq!(inflate(Coding::Zstd, &two(zstd), 5, 100).unwrap(), b"{}\n[]\n");
    }

    #[test]
    fn what_is_cut_off_or_broken_is_corrupt() {
        let plain = body(1000);
        for (coding, packed) in [(Coding::Gzip, gzip(&plain)), (Coding::Zstd, zstd(&plain))] {
            for end in [1, 5, 20, packed.len() / 2, packed.len() - 1] {
                let found = inflate(coding, &packed[..end], 1000, 1 << 20);
                assert_eq!(found, Err(Fault::Corrupt), "{coding:?} {end}");
            }
            let trailing = [&packed[..], b"trailing"].concat();
            assert_eq!(
                inflate(coding, &trailing, 1000, 1 << 20),
                Err(Fault::Corrupt),
                "{coding:?}"
            );
            assert_eq!(inflate(coding, b"{\"a\":1}\n", 1000, 1 << 20), Err(Fault::Corrupt));
        }
        let mut wrong = gzip(&plain);
        let crc = wrong.len() - 6;
        wrong[crc] ^= 1;
        assert_eq!(inflate(Coding::Gzip, &wrong, 1000, 1 << 20), Err(Fault::Corrupt));
    }

    #[test]
    fn bombs_are_found_before_they_grow() {
        let zeros = vec![b' '; 64 << 20];
        for (coding, packed) in [(Coding::Gzip, gzip(&zeros)), (Coding::Zstd, zstd(&zeros))] {
            for size in [100, packed.len()] {
                let mut inflate = Inflate::new(coding, 32 << 20).unwrap();
                let fault = packed.chunks(size).find_map(|piece| inflate.push(piece).err());
                assert!(matches!(fault, Some(Fault::Bomb | Fault::TooLarge)), "{coding:?}");
                assert!(inflate.len() <= 32 << 20);
            }
            let mut inflate = Inflate::new(coding, 32 << 20).unwrap();
            let fault = packed.chunks(100).find_map(|piece| inflate.push(piece).err());
            assert_eq!(fault, Some(Fault::Bomb), "{coding:?}");
            assert!(inflate.len() <= 2 << 20, "{coding:?}: {}", inflate.len());
        }
        let large = body(20_000);
        for (coding, packed) in [
            (Coding::Plain, large.clone()),
            (Coding::Gzip, gzip(&large)),
            (Coding::Zstd, zstd(&large)),
        ] {
            assert_eq!(inflate(coding, &packed, 1000, 100_000), Err(Fault::TooLarge), "{coding:?}");
        }
    }

    #[test]
    fn a_wide_window_is_refused() {
        let mut encoder = ::zstd::stream::Encoder::new(Vec::new(), 3).unwrap();
        encoder.window_log(27).unwrap();
        encoder.write_all(&vec![1; 1 << 20]).unwrap();
        let packed = encoder.finish().unwrap();
        assert_eq!(inflate(Coding::Zstd, &packed, 1000, 1 << 24), Err(Fault::Corrupt));
    }
}
