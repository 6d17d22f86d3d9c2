// The screen of a terminal: text and the control sequences that shells and simple full-screen programs use. Pure: no
// element of the page.

const blank = (width) => Array(width).fill(" ");

export class Screen {
  constructor(width, height) {
    this.width = width;
    this.height = height;
    this.lines = Array.from({ length: height }, () => blank(width));
    this.past = [];
    this.row = this.column = 0;
    this.rest = "";
    this.saved = [0, 0];
    /** What the program asked to be answered. */
    this.reply = "";
  }

  /** Takes what a program wrote; a sequence may be cut anywhere. */
  write(text) {
    text = this.rest + text;
    this.rest = "";
    for (let at = 0; at < text.length; ) {
      const code = text.charCodeAt(at);
      if (code === 27) {
        const found = /^\x1b(?:\[([?>=]?)([\d;]*)([@-~])|\][^\x07\x1b]*(?:\x07|\x1b\\)|[()][0-9A-B]|[78=>McDEH])/.exec(text.slice(at, at + 256));
        if (!found) {
          if (text.length - at < 256) this.rest = text.slice(at);
          else at++;
          if (this.rest) return;
          continue;
        }
        if (found[3]) this.control(found[1], found[2].split(";").map((number) => parseInt(number, 10)), found[3]);
        else if (found[0] === "\x1b7") this.saved = [this.row, this.column];
        else if (found[0] === "\x1b8") [this.row, this.column] = this.saved;
        at += found[0].length;
      } else {
        const letter = String.fromCodePoint(text.codePointAt(at));
        at += letter.length;
        this.put(letter, code);
      }
    }
  }

  put(letter, code) {
    if (code === 10 || code === 11 || code === 12) return this.feed();
    if (code === 13) return (this.column = 0);
    if (code === 8) return (this.column = Math.max(0, this.column - 1));
    if (code === 9) return (this.column = Math.min(this.width - 1, (this.column | 7) + 1));
    if (code < 32 || code === 127) return;
    if (this.column >= this.width) {
      this.column = 0;
      this.feed();
    }
    this.lines[this.row][this.column++] = letter;
  }

  feed() {
    if (this.row < this.height - 1) return this.row++;
    this.past.push(this.lines.shift());
    if (this.past.length > 2000) this.past.shift();
    this.lines.push(blank(this.width));
  }

  control(mark, numbers, letter) {
    const n = Math.max(1, numbers[0] || 1);
    const clamp = (value, high) => Math.max(0, Math.min(high, value));
    const line = this.lines[this.row];
    switch (letter) {
      case "A": this.row = clamp(this.row - n, this.height - 1); break;
      case "B": case "e": this.row = clamp(this.row + n, this.height - 1); break;
      case "C": case "a": this.column = clamp(this.column + n, this.width - 1); break;
      case "D": this.column = clamp(this.column - n, this.width - 1); break;
      case "G": case "`": this.column = clamp(n - 1, this.width - 1); break;
      case "d": this.row = clamp(n - 1, this.height - 1); break;
      case "H": case "f":
        this.row = clamp((numbers[0] || 1) - 1, this.height - 1);
        this.column = clamp((numbers[1] || 1) - 1, this.width - 1);
        break;
      case "J": this.erase(numbers[0] || 0); break;
      case "K": {
        const kind = numbers[0] || 0;
        line.fill(" ", kind === 0 ? this.column : 0, kind === 1 ? this.column + 1 : this.width);
        break;
      }
      case "P": line.splice(this.column, n); while (line.length < this.width) line.push(" "); break;
      case "@": line.splice(this.column, 0, ...blank(n)); line.length = this.width; break;
      case "X": line.fill(" ", this.column, this.column + n); break;
      case "L": for (let i = 0; i < n; i++) { this.lines.splice(this.row, 0, blank(this.width)); this.lines.pop(); } break;
      case "M": for (let i = 0; i < n; i++) { this.lines.splice(this.row, 1); this.lines.push(blank(this.width)); } break;
      case "n": if (numbers[0] === 6) this.reply += `\x1b[${this.row + 1};${this.column + 1}R`; break;
      case "h": case "l": if (mark === "?" && [47, 1047, 1049].includes(numbers[0])) this.erase(2); break;
      default: // colours and what else only looks different
    }
  }

  erase(kind) {
    const whole = (from, to) => { for (let row = from; row < to; row++) this.lines[row] = blank(this.width); };
    if (kind === 0) { this.lines[this.row].fill(" ", this.column); whole(this.row + 1, this.height); }
    if (kind === 1) { this.lines[this.row].fill(" ", 0, this.column + 1); whole(0, this.row); }
    if (kind >= 2) { whole(0, this.height); if (kind === 3) this.past = []; }
  }

  /** [before the cursor, at it, after it], past lines included. */
  text() {
    const join = (lines) => lines.map((line) => line.join("").trimEnd()).join("\n");
    const before = join([...this.past, ...this.lines.slice(0, this.row)]);
    const line = this.lines[this.row];
    const tail = join(this.lines.slice(this.row + 1)).trimEnd();
    return [
      (before ? `${before}\n` : "") + line.slice(0, this.column).join(""),
      line[this.column] ?? " ",
      line.slice(this.column + 1).join("").trimEnd() + (tail ? `\n${tail}` : ""),
    ];
  }
}
