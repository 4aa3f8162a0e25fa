// Runs first in every JavaScript context, before Moment.js; see javascript.py.
// It replaces Date by one that lives in the workflow's time zone, adds what Digdag's strings have besides JavaScript's
// methods, bounds the array methods that never look at the time limit, and hands out zone(), compile(), call() and
// harden(), which makes a context fit to be shared by many texts: nothing that outlives one of them can be changed.
(function (global) {
  'use strict';

  function method(object, name, value) {
    Object.defineProperty(object, name, { value: value, writable: true, configurable: true, enumerable: false });
  }

  // --- Date: the zone is a table of instants at which its offset changes

  var RealDate = Date;
  var dates = RealDate.prototype;
  var realParse = RealDate.parse;
  var utc = RealDate.UTC;
  var getTime = dates.getTime;
  var setTime = dates.setTime;
  var DAY_MS = 86400000;
  var changes = [];                     // instants in ms, ascending
  var offsets = [0];                    // in ms: before the first change, after each

  function offsetAt(instant) {
    var low = 0;
    var high = changes.length;
    while (low < high) {
      var middle = (low + high) >> 1;
      if (changes[middle] <= instant) low = middle + 1; else high = middle;
    }
    return offsets[low];
  }

  // A wall-clock time as an instant: the earlier one where there are two, the offset before the gap where there is none.
  function fromWall(wall) {
    if (isNaN(wall)) return NaN;
    var before = offsetAt(wall - DAY_MS);
    var after = offsetAt(wall + DAY_MS);
    if (offsetAt(wall - before) === before) return wall - before;
    if (offsetAt(wall - after) === after) return wall - after;
    return wall - before;
  }

  function onWall(date) {
    var instant = getTime.call(date);
    return new RealDate(instant + offsetAt(instant));
  }

  var DATE_ONLY = /^[+-]?\d{4,6}(-\d\d(-\d\d)?)?$/;
  var NAMES_A_ZONE = /(?:Z|\b(?:GMT|UTC?|[ECMP][SD]T)\b[^:]*|[+-]\d\d:?\d\d)\s*(?:\([^)]*\))?$/i;
  var ISO_LIKE = /^[+-]?\d{4,6}-\d\d-\d\d[T ]/;

  // Text without a zone is read as UTC and then moved, so that the zone of this machine plays no part.
  function parse(text) {
    text = String(text);
    if (DATE_ONLY.test(text) || NAMES_A_ZONE.test(text)) return realParse(text);
    return fromWall(realParse(text + (ISO_LIKE.test(text) ? 'Z' : ' GMT')));
  }

  function primitive(value) {
    if (value === null || typeof value !== 'object') return value;
    if (value[Symbol.toPrimitive]) return value[Symbol.toPrimitive]('default');
    var plain = value.valueOf();
    return typeof plain === 'object' ? value.toString() : plain;
  }

  function ZonedDate(year, month, day, hours, minutes, seconds, ms) {
    if (!new.target) return new ZonedDate().toString();
    var count = arguments.length;
    var instant;
    if (count === 0) {
      instant = RealDate.now();
    } else if (count === 1 && year instanceof RealDate) {
      instant = getTime.call(year);
    } else if (count === 1) {
      var value = primitive(year);
      instant = typeof value === 'string' ? parse(value) : Number(value);
    } else {
      instant = fromWall(utc(year, month, count > 2 ? day : 1, count > 3 ? hours : 0, count > 4 ? minutes : 0,
        count > 5 ? seconds : 0, count > 6 ? ms : 0));
    }
    return Reflect.construct(RealDate, [instant], new.target);
  }

  ZonedDate.prototype = dates;
  method(dates, 'constructor', ZonedDate);
  method(ZonedDate, 'UTC', utc);
  method(ZonedDate, 'now', RealDate.now);
  method(ZonedDate, 'parse', parse);

  ['FullYear', 'Month', 'Date', 'Day', 'Hours', 'Minutes', 'Seconds', 'Milliseconds'].forEach(function (unit) {
    var get = dates['getUTC' + unit];
    var set = dates['setUTC' + unit];
    method(dates, 'get' + unit, function () { return get.call(onWall(this)); });
    if (!set) return;
    method(dates, 'set' + unit, function () {
      var instant = getTime.call(this);
      if (isNaN(instant) && unit !== 'FullYear') return NaN;
      var wall = new RealDate(isNaN(instant) ? 0 : instant + offsetAt(instant));
      set.apply(wall, arguments);
      return setTime.call(this, fromWall(getTime.call(wall)));
    });
  });
  method(dates, 'getYear', function () { return this.getFullYear() - 1900; });
  method(dates, 'getTimezoneOffset', function () {
    var instant = getTime.call(this);
    return isNaN(instant) ? NaN : -offsetAt(instant) / 60000;
  });

  var DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
  var MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

  function two(number) { return (number < 10 ? '0' : '') + number; }

  function dateText(date) {
    var year = ('000' + date.getFullYear()).slice(-4);
    return [DAYS[date.getDay()], MONTHS[date.getMonth()], two(date.getDate()), year].join(' ');
  }

  function timeText(date) {
    var offset = -date.getTimezoneOffset();
    var size = Math.abs(offset);
    var clock = [two(date.getHours()), two(date.getMinutes()), two(date.getSeconds())].join(':');
    return clock + ' GMT' + (offset < 0 ? '-' : '+') + two(Math.floor(size / 60)) + two(Math.floor(size % 60));
  }

  function shows(name, text) {
    method(dates, name, function () { return isNaN(this) ? 'Invalid Date' : text(this); });
  }
  shows('toDateString', dateText);
  shows('toTimeString', timeText);
  shows('toString', function (date) { return dateText(date) + ' ' + timeText(date); });
  global.Date = ZonedDate;

  // --- String: the methods of java.lang.String that people used (L-100)

  var strings = String.prototype;

  function pattern(given, flags) { return given instanceof RegExp ? given : new RegExp(String(given), flags); }

  method(strings, 'replaceAll', function (from, to) {
    return this.replace(pattern(from, 'g'), typeof to === 'function' ? to : String(to));
  });
  method(strings, 'replaceFirst', function (from, to) { return this.replace(pattern(from, ''), String(to)); });
  method(strings, 'matches', function (whole) { return new RegExp('^(?:' + whole + ')$').test(this); });
  method(strings, 'contains', function (part) { return this.indexOf(part) >= 0; });
  method(strings, 'isEmpty', function () { return this.length === 0; });
  method(strings, 'equals', function (other) { return String(this) === other; });
  method(strings, 'equalsIgnoreCase', function (other) {
    return String(this).toLowerCase() === String(other).toLowerCase();
  });

  // --- Array: some of its methods walk `length` without ever looking at the time limit

  var LENGTH_MAX = 1e6;
  var arrays = Array.prototype;

  function isTooLong(value) { return value !== null && typeof value === 'object' && value.length > LENGTH_MAX; }

  Object.getOwnPropertyNames(arrays).forEach(function (name) {
    var real = arrays[name];
    if (typeof real !== 'function' || name === 'constructor') return;
    function bounded() {
      if (isTooLong(this)) throw new RangeError('array too long for ' + name);
      if (name === 'concat') {
        for (var i = 0; i < arguments.length; i++) {
          if (isTooLong(arguments[i])) throw new RangeError('array too long for concat');
        }
      }
      return real.apply(this, arguments);
    }
    Object.defineProperty(bounded, 'name', { value: name });
    method(arrays, name, bounded);
  });

  ['performance', 'queueMicrotask', 'DOMException', 'btoa', 'atob', 'navigator', 'Atomics', 'SharedArrayBuffer',
    'WebAssembly'].forEach(function (name) { delete global[name]; });

  // --- what javascript.py calls

  var compiled = [];
  var stringify = JSON.stringify;
  var parseJson = JSON.parse;
  var UNSAFE = /[\0\ud800-\udfff]/;

  Object.defineProperty(global, '__skydag_text', {
    value: function (value) {
      if (value === null || value === undefined) return '';
      return typeof value === 'string' ? value : '' + stringify(value);
    }
  });

  function hidden() {                   // what no property of the global object leads to
    return [function* () {}, async function () {}, async function* () {}, (function* () {})(), [].values(),
      new Map().entries(), new Set().values(), 'x'[Symbol.iterator](), 'x'.matchAll(/x/g)];
  }

  function freezeAll(roots) {
    var queue = roots;
    var count = queue.length;
    function add(value) {
      if (value !== null && (typeof value === 'object' || typeof value === 'function') && !Object.isFrozen(value)) {
        Object.freeze(value);
        queue[count++] = value;
      }
    }
    for (var i = 0; i < count; i++) {
      var value = queue[i];
      Object.freeze(value);
      add(Object.getPrototypeOf(value));
      var keys = Reflect.ownKeys(value);
      for (var k = 0; k < keys.length; k++) {
        var property = Object.getOwnPropertyDescriptor(value, keys[k]);
        add(property.value);
        add(property.get);
        add(property.set);
      }
    }
  }

  // Moment.js keeps its settings in closures, and a locale caches in itself; what sets them is taken away.
  function freezeMoment(moment) {
    function refuse() { throw new TypeError('not in a shared context'); }
    ['locale', 'lang', 'defineLocale', 'updateLocale', 'relativeTimeThreshold', 'relativeTimeRounding']
      .forEach(function (name) { moment[name] = refuse; });
    var locale = moment.localeData();
    Object.getPrototypeOf(locale).set = refuse;
    freezeAll(Reflect.ownKeys(locale).map(function (key) { return locale[key]; }).filter(function (value) {
      return value !== null && typeof value === 'object';
    }));
  }

  return {
    harden: function () {
      if (global.moment) freezeMoment(global.moment);
      freezeAll([global].concat(hidden()));
      return 0;
    },
    zone: function (json) {
      var table = parseJson(json);
      changes = table[0];
      offsets = table[1];
      return 0;
    },
    compile: function (source) {
      compiled.push(new Function(source));
      return compiled.length - 1;
    },
    // The binding cuts texts at NUL and cannot carry lone surrogates: such results travel as JSON. Nor does it know the
    // ropes that long texts are after `+`: joining makes one flat text.
    call: function (number, json) {
      var result = compiled[number].call(parseJson(json));
      var isPlain = !UNSAFE.test(result);
      return [isPlain ? 's' : 'j', isPlain ? result : stringify(result.toWellFormed())].join('');
    }
  };
})
