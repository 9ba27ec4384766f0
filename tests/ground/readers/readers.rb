# Ruby readers: ruby [-I folder of another dotenv/lib] readers.rb NAME. Reads paths on stdin and prints one line of JSON
# for each on stdout. A value without a JSON type is written as {"!type": "text"}, and a key that is not a string as
# "!type text".
require "json"
Encoding.default_external = Encoding::UTF_8
Encoding.default_internal = nil
ENV.clear
ENV["PATH"] = "/usr/bin:/bin"

def plain(value)
  case value
  when nil, true, false, Integer then value
  when String then (text = value.dup.force_encoding("UTF-8")).valid_encoding? ? text : {"!String" => value.inspect}
  when Float then value.finite? ? value : {"!Float" => value.to_s}
  when Hash then value.to_h { |k, v| [k.is_a?(String) ? k : "!#{k.class} #{k}", plain(v)] }
  when Array then value.map { |v| plain(v) }
  else {"!#{value.class}" => value.to_s}
  end
end

name = ARGV.shift
case name
when "dotenv"
  require "dotenv"
  old = !Dotenv.respond_to?(:parse) # version 2.4 has only load, which keeps what it read
when "psych", "psych-unsafe" then require "yaml"
else abort "no such reader: #{name}"
end
STDIN.each_line(chomp: true) do |path|
  answer = begin
    JSON.generate(ok: plain(case name
    when "dotenv" then old ? Dotenv::Environment.new(path, true) : Dotenv.parse(path)
    when "psych" then YAML.load(File.read(path))
    when "psych-unsafe" then YAML.unsafe_load(File.read(path))
    end))
  rescue StandardError, ScriptError, SystemStackError => error
    JSON.generate(error: "#{error.class}: #{error.message}".scrub)
  end
  puts answer
  STDOUT.flush
end
