-- Asks for the paths of a file in turn; {n} becomes a number of its own each time. Tells what it saw as one line of JSON.
local paths, count = {}, 0

function init(arguments)
  for line in io.lines(arguments[1]) do
    paths[#paths + 1] = line
  end
end

function request()
  count = count + 1
  local path = paths[count % #paths + 1]:gsub("{n}", tostring(count))
  return wrk.format("GET", path)
end

function done(summary, latency, requests)
  local lost = summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout
  io.write(string.format(
    '\n{"seconds": %.3f, "answers": %d, "bad": %d, "lost": %d, "p50": %.2f, "p95": %.2f, "p99": %.2f}\n',
    summary.duration / 1e6, summary.requests, summary.errors.status, lost,
    latency:percentile(50) / 1000, latency:percentile(95) / 1000, latency:percentile(99) / 1000))
end
