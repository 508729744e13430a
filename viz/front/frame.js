// A frame as `viz/packet.py` packs it: a line of JSON that says where each column lies, then the columns.

function read(view) {
  // Columns begin at multiples of four of the packet, which may itself begin anywhere.
  const bytes = view.byteOffset % 4 ? view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength) : view.buffer;
  const begin = view.byteOffset % 4 ? 0 : view.byteOffset;
  const length = new DataView(bytes, begin).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(bytes, begin + 4, length)));
  const start = begin + 4 + length;
  const column = (Kind, at, count) => (at === null ? null : new Kind(bytes, start + at, count));
  for (const image of header.images) image.pixels = column(Uint8Array, image.at, image.width * image.height);
  header.links.ends = column(Float32Array, header.links.at, 4 * header.links.count);
  for (const layer of header.layers) {
    layer.uid = column(Int32Array, layer.uid, layer.count);
    for (const name of ["x", "y", "heading"]) layer[name] = column(Float32Array, layer[name], layer.count);
    for (const name of ["colour", "scale"]) layer[name] = column(Uint8Array, layer[name], layer.count);
  }
  return header;
}
