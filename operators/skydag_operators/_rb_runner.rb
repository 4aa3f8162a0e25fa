# Runs the user's Ruby: copied beside the task's files and started as a program of its own.
#
#     ruby -I <working directory> [-r feature] -- runner.rb <method> <input.json> <output.json>
#
# input: {"params": {...}}; output: {"subtask_config", "export_params", "store_params"} and, after a failure,
# "error": {"class", "message", "backtrace": [lines]}. It runs on the user's interpreter (2.4 or newer), so it requires
# nothing but the standard library; the user's code sees the module `Digdag`.

require 'json'

module Digdag
  # `Digdag.env`: the parameters of the task, and what it leaves (O-115).
  def self.env
    @env
  end

  def self.begin_with(params)
    @env = Env.new(params)
  end

  class Env
    attr_reader :params, :subtask_config, :export_params, :store_params, :state_params

    def initialize(params)
      @params = params
      @subtask_config = {}
      @export_params = {}
      @store_params = {}
      @state_params = {}
      @subtasks = 0
    end

    def set_state(**params)
      @state_params.update(Digdag.with_texts(params))
    end

    def export(**params)
      @export_params.update(Digdag.with_texts(params))
    end

    def store(**params)
      @store_params.update(Digdag.with_texts(params))
    end

    # (hash): a task as in a .dig file; (:method, hash): a function; (Class, :method, hash): a method. The hash has
    # the task's parameters.
    def add_subtask(*given)
      params = given.last.is_a?(Hash) ? given.pop : {}
      case given.length
      when 0
        task = {}
      when 1
        task = { 'rb>' => function_name(given[0]) }
      when 2
        task = { 'rb>' => method_name(given[0], given[1]) }
      else
        raise ArgumentError, 'add_subtask takes a hash, or a method and a hash, or a class, a method and a hash'
      end
      task = task.merge(Digdag.with_texts(params))
      JSON.generate(task, max_nesting: 0)
      @subtask_config["+subtask#{@subtasks}"] = task
      @subtasks += 1
      nil
    end

    private

    def function_name(name)
      check_name(name)
      unless TOPLEVEL_BINDING.receiver.respond_to?(name, true)
        raise ArgumentError, "add_subtask: there is no method '#{name}'"
      end
      name.to_s
    end

    def method_name(owner, name)
      check_name(name)
      unless owner.is_a?(Module) && owner.name
        raise ArgumentError, "add_subtask needs a class that can be found by its name, not #{owner.inspect}"
      end
      unless owner.public_method_defined?(name) || owner.respond_to?(name)
        raise ArgumentError, "add_subtask: #{owner.name} has no method '#{name}'"
      end
      "::#{owner.name}.#{name}"
    end

    def check_name(name)
      unless (name.is_a?(Symbol) || name.is_a?(String)) && !name.to_s.empty? && !name.to_s.include?('.')
        raise ArgumentError, "add_subtask needs the name of a method, as a symbol and without '.', not #{name.inspect}"
      end
    end
  end

  # The hash with texts for keys, as its JSON will have them.
  def self.with_texts(params)
    params.each_with_object({}) { |(key, value), out| out[key.to_s] = value }
  end

  module Runner
    FILE = __FILE__
    HERE = File.expand_path(__FILE__)
    FOLDER = Dir.pwd + File::SEPARATOR
    NOTHING = { 'subtask_config' => {}, 'export_params' => {}, 'store_params' => {} }.freeze

    def self.main(command, given, result)
      result = File.expand_path(result)
      $stdout.sync = true
      $stderr.sync = true
      text = File.open(given, 'r:UTF-8') { |file| file.read }
      params = JSON.parse(text, max_nesting: false, allow_nan: true)['params']
      env = Digdag.begin_with(params)
      code = 0
      output = nil
      begin
        begin
          call(command, params)
        rescue SystemExit => leaving
          raise unless leaving.success?
        end
        output = left(env)
      rescue SystemExit => leaving
        code = leaving.status
        output = failure(leaving)
      rescue Exception => error
        code = 1
        output = failure(error)
      end
      File.open(result, 'w:UTF-8') { |file| file.write(output) }
      code
    end

    def self.call(command, params)
      owner_name, dot, name = command.rpartition('.')
      if dot.empty?
        main = TOPLEVEL_BINDING.receiver
        unless main.respond_to?(name, true)
          raise NoMethodError, "there is no method '#{name}'; 'require' names the file that has it"
        end
        return apply(main.method(name), name, params)
      end
      owner = found(owner_name)
      # A public method of its objects comes before one of its own (O-114).
      if owner.is_a?(Class) && owner.public_method_defined?(name)
        made = made_by(owner, params)
        apply(made.public_method(name), "#{owner_name}##{name}", params)
      elsif owner.respond_to?(name)
        apply(owner.public_method(name), "#{owner_name}.#{name}", params)
      else
        raise NoMethodError, "#{owner_name} has no public method '#{name}'"
      end
    end

    def self.found(name)
      Object.const_get(name.sub(/\A::/, ''))
    rescue NameError => missing
      raise NameError, "#{missing.message}; 'require' names the file that has it"
    end

    def self.made_by(owner, params)
      given, keywords = arguments(owner.instance_method(:initialize), "#{owner.name}#initialize", params)
      keywords.empty? ? owner.new(*given) : owner.new(*given, **keywords)
    end

    def self.apply(method, shown, params)
      given, keywords = arguments(method, shown, params)
      keywords.empty? ? method.call(*given) : method.call(*given, **keywords)
    end

    # The params that the method takes, by name (O-114): [those by place, those by keyword].
    def self.arguments(method, shown, params)
      given = []
      keywords = {}
      passed_over = nil
      method.parameters.each do |kind, name|
        key = name.to_s
        case kind
        when :req
          given << wanted(key, shown, params)
        when :opt
          if !params.key?(key)
            passed_over ||= key
          elsif passed_over
            raise ArgumentError, "Method '#{shown}' cannot take '#{key}' without '#{passed_over}', which stands before " \
                                 "it and is not set; make it a keyword: '#{key}:'"
          else
            given << params[key]
          end
        when :keyreq
          keywords[name] = wanted(key, shown, params)
        when :key
          keywords[name] = params[key] if params.key?(key)
        when :keyrest
          params.each { |each, value| keywords[each.to_sym] = with_symbols(value) unless keywords.key?(each.to_sym) }
        end
      end
      [given, keywords]
    end

    def self.wanted(key, shown, params)
      return params[key] if params.key?(key)

      raise ArgumentError, "Method '#{shown}' requires parameter '#{key}' but not set"
    end

    # `**rest` sees mappings by symbols, inner ones too.
    def self.with_symbols(value)
      case value
      when Hash
        value.each_with_object({}) { |(key, inner), out| out[key.to_sym] = with_symbols(inner) }
      when Array
        value.map { |inner| with_symbols(inner) }
      else
        value
      end
    end

    def self.left(env)
      JSON.generate({ 'subtask_config' => env.subtask_config, 'export_params' => env.export_params,
                      'store_params' => env.store_params }, max_nesting: 0)
    end

    # The output after a failure: the error with the frames of the user's own files.
    def self.failure(error)
      frames = (error.backtrace || []).reject { |frame| ours?(frame) }
      error_told = { 'class' => error.class.to_s, 'message' => readable(error.message),
                     'backtrace' => frames.map { |frame| readable(frame).sub(FOLDER, '') } }
      JSON.generate(NOTHING.merge('error' => error_told), max_nesting: 0)
    end

    def self.ours?(frame)
      path = frame.sub(/:\d+(:.*)?\z/m, '')
      path == FILE || path == HERE
    end

    def self.readable(text)
      text.to_s.dup.force_encoding('UTF-8').scrub('?')
    end
  end
end

exit(Digdag::Runner.main(*ARGV.slice!(0..-1))) if __FILE__ == $PROGRAM_NAME
