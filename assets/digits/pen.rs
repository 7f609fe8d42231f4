//! From strokes to pixels.

use super::SIDE;
use super::glyphs::Point;
use super::hand::Hand;

/// A straight piece of a stroke.
pub type Line = [Point; 2];

/// Straight pieces between two points of a stroke.
const PIECES: usize = 8;

/// A smooth curve through the points (Catmull and Rom 1974), in straight pieces.
pub fn curve(points: &[Point]) -> Vec<Line> {
    let at = |index: isize| points[index.clamp(0, points.len() as isize - 1) as usize];
    let mut lines = Vec::new();
    for index in 0..points.len() as isize - 1 {
        let around = [at(index - 1), at(index), at(index + 1), at(index + 2)];
        let on_curve = |piece: usize| {
            let t = piece as f32 / PIECES as f32;
            [0, 1].map(|axis| spline(around.map(|point| point[axis]), t))
        };
        lines.extend((0..PIECES).map(|piece| [on_curve(piece), on_curve(piece + 1)]));
    }
    lines
}

fn spline([a, b, c, d]: [f32; 4], t: f32) -> f32 {
    let cubic = -a + 3.0 * b - 3.0 * c + d;
    let square = 2.0 * a - 5.0 * b + 4.0 * c - d;
    0.5 * (2.0 * b + t * (c - a + t * (square + t * cubic)))
}

/// Inks the lines: each pixel by how much of it the pen covers.
pub fn ink(lines: &[Line], hand: &mut Hand) -> [u8; SIDE * SIDE] {
    let radius = hand.between(0.75, 1.7);
    let strength = hand.between(190.0, 255.0);
    let mut image = [0; SIDE * SIDE];
    for (index, pixel) in image.iter_mut().enumerate() {
        let centre = [(index % SIDE) as f32 + 0.5, (index / SIDE) as f32 + 0.5];
        let nearest = lines.iter().map(|line| squared_distance(centre, line));
        let distance = nearest.fold(f32::INFINITY, f32::min).sqrt();
        let covered = (radius + 0.5 - distance).clamp(0.0, 1.0);
        if covered > 0.0 {
            // Paper is not smooth: some of the ink is missing.
            *pixel = (covered * strength * hand.between(0.8, 1.0)) as u8;
        }
    }
    image
}

fn squared_distance([px, py]: Point, [[ax, ay], [bx, by]]: &Line) -> f32 {
    let (dx, dy) = (bx - ax, by - ay);
    let length = dx * dx + dy * dy;
    let along = if length > 0.0 {
        (((px - ax) * dx + (py - ay) * dy) / length).clamp(0.0, 1.0)
    } else {
        0.0
    };
    let (ox, oy) = (px - ax - along * dx, py - ay - along * dy);
    ox * ox + oy * oy
}
