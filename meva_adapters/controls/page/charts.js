// Draw a curve with its shade and marks on a canvas, in the colours of the page; know nothing of trading.
"use strict";

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function prepared(canvas) {
  const ratio = window.devicePixelRatio || 1;
  const width = canvas.clientWidth, height = canvas.clientHeight;
  canvas.width = width * ratio;
  canvas.height = height * ratio;
  const pen = canvas.getContext("2d");
  pen.scale(ratio, ratio);
  pen.clearRect(0, 0, width, height);
  pen.font = "12px system-ui, sans-serif";
  return { pen, width, height };
}

// Points are {time, value}, times in ms; marks are {time, value, up}; shade is {time, value}, drawn from the top.
function drawCurve(canvas, { points, marks = [], shade = [], digits = 2 }) {
  const { pen, width, height } = prepared(canvas);
  if (points.length < 2) {
    pen.fillStyle = colour("--quiet");
    pen.fillText("Nothing to draw yet.", 8, 24);
    return;
  }
  const left = 8, right = width - 78, top = 12, bottom = height - 22;
  const from = points[0].time, to = Math.max(points[points.length - 1].time, from + 1);
  const visible = marks.filter((mark) => mark.time >= from && mark.time <= to);
  const values = [...points, ...visible].map((point) => point.value);
  let low = Math.min(...values), high = Math.max(...values);
  const room = (high - low || Math.abs(high) * 0.001 || 1) * 0.12;
  low -= room;
  high += room;
  const x = (time) => left + ((right - left) * (time - from)) / (to - from);
  const y = (value) => bottom - ((bottom - top) * (value - low)) / (high - low);

  pen.lineWidth = 1;
  for (let step = 0; step <= 4; step += 1) {
    const value = low + ((high - low) * step) / 4;
    pen.strokeStyle = colour("--line");
    pen.beginPath();
    pen.moveTo(left, y(value));
    pen.lineTo(right, y(value));
    pen.stroke();
    pen.fillStyle = colour("--quiet");
    pen.fillText(value.toFixed(digits), right + 6, y(value) + 4);
  }
  const deepest = Math.max(0, ...shade.map((point) => point.value));
  if (deepest > 0) {
    pen.fillStyle = colour("--bad") + "44";
    pen.beginPath();
    pen.moveTo(x(shade[0].time), top);
    for (const point of shade) pen.lineTo(x(point.time), top + ((bottom - top) * 0.4 * point.value) / deepest);
    pen.lineTo(x(shade[shade.length - 1].time), top);
    pen.fill();
    pen.fillStyle = colour("--bad");
    pen.fillText(`drawdown, at most ${deepest.toFixed(2)}`, left + 4, top + 12);
  }
  pen.strokeStyle = colour("--accent");
  pen.lineWidth = 2;
  pen.beginPath();
  points.forEach((point, index) => (index ? pen.lineTo(x(point.time), y(point.value)) : pen.moveTo(x(point.time), y(point.value))));
  pen.stroke();
  for (const mark of visible) {
    const size = mark.up ? 7 : -7;
    pen.fillStyle = colour(mark.up ? "--good" : "--bad");
    pen.beginPath();
    pen.moveTo(x(mark.time), y(mark.value) - size);
    pen.lineTo(x(mark.time) - 6, y(mark.value) + size);
    pen.lineTo(x(mark.time) + 6, y(mark.value) + size);
    pen.fill();
  }
  const clock = (time) => new Date(time).toISOString().slice(11, 19);
  pen.fillStyle = colour("--quiet");
  pen.fillText(`${clock(from)} UTC`, left, height - 5);
  pen.fillText(clock(to), right - 46, height - 5);
}
