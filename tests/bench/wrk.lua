-- Asks for the paths of a file in turn; {n} becomes a number that no other run has. Tells what it saw as one line of JSON.
local paths, count = {}, os.time() * 100000

function init(arguments)
  for line in io.lines(arguments[1]) do
    paths[#paths + 1] = line
  end
end

function request()
  count = count + 1
  local path = paths[count % #paths + 1]:gsub("{n}", string.format("%d", count))
  return wrk.format("GET", path)
end

function done(summary, latency, requests)
  local lost = summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout
  io.write(string.format(
    '\n{"seconds": %.3f, "answers": %d, "bad": %d, "lost": %d, "p50": %.2f, "p95": %.2f, "p99": %.2f}\n',
    summary.duration / 1e6, summary.requests, summary.errors.status, lost,
    latency:percentile(50) / 1000, latency:percentile(95) / 1000, latency:percentile(99) / 1000))
end
