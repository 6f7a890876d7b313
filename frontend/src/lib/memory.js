// What the device remembers, as JSON under a name. Storage that is blocked, full or broken disturbs nobody: it is empty.

export function read(name, otherwise = {}) {
  try {
    return JSON.parse(localStorage.getItem(name)) ?? otherwise;
  } catch {
    return otherwise;
  }
}

export function write(name, value) {
  try {
    localStorage.setItem(name, JSON.stringify(value));
  } catch {
    // it holds for this page
  }
}

export function remove(name) {
  try {
    localStorage.removeItem(name);
  } catch {
    // nothing was kept
  }
}
