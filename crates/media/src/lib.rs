//! What the bytes of a file are: their type, an image's size, where they tell a place, and small
//! copies for a screen. Nothing here opens a file or a socket: bytes come in, bytes go out.

mod dimensions;
mod mp4_boxes;
mod previews;
mod sniff;
mod strip;
#[cfg(test)]
mod tests;

pub use dimensions::{Dimensions, MAX_HEADER, MAX_PIXELS, dimensions};
pub use previews::{
    MAX_DECODE_MEMORY, NoPreviews, PREVIEW_SIZE, Previews, THUMBNAIL_SIZE, make_previews,
};
pub use sniff::{MediaType, SizeClass, UnsupportedMedia};
pub use strip::{Cut, Filler, Segment, StrippedCopy, cuts};
