/* Runs common events through `Partition.process` without the interpreter.

   A FastPath serves one batch. As an iterator, it yields the records that it does not process; the caller processes
   them with the loop in Python. Before a function changes any state, it checks everything that could make the record
   unusual. So the functions below return TAKEN (processed), LEFT (not processed: no state has changed, except for
   effects that the loop repeats without harm), or FAILED (a Python exception is set).

   The loop in app/segments/partition/partition.py defines the result; the tests run both and compare. */

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <structmember.h>

#include <stdint.h>
#include <string.h>

typedef enum { FAILED = -1, LEFT = 0, TAKEN = 1 } Outcome;

/* app/segments/partition/fast_path.py compares these constants with its own when it is imported. */
#define INTERFACE 7
#define HASH_BYTES 8
#define INSTANT_BYTES 6
#define ENTRY_BYTES (HASH_BYTES + INSTANT_BYTES)
#define KINDS_MAX 8
#define DAY 86400000LL
#define DEPTH_MAX 8
#define ISO_LENGTH 24

/* Indexes in a visit (tables/session.py), and the value that is computed from two of them. */
enum { START, LAST, PAGES, EVENTS, VISIT_LENGTH = 7, DURATION = 100 };

/* ---- slots: attributes of structs at a fixed place in the object */

typedef struct {
    PyTypeObject *type;
    Py_ssize_t kind, event, user_id, anonymous_id, message_id, timestamp, original, sent, received, properties, traits,
        context;
} MessageSlots;

typedef struct {
    PyTypeObject *type;
    Py_ssize_t highest, fired, first_seen, identified, due, session, leaves, ids, watched, links;
} ProfileSlots;

typedef struct {
    PyTypeObject *type;
    Py_ssize_t handle, properties, nothing;
} HandlerSlots;

typedef struct {
    Py_ssize_t user, kind, message_id;
} SettlementSlots;

/* One value of a visit: when it is large enough, the segments whose bit a profile watches are settled. */
typedef struct {
    long long bit, least;
    int value; /* DURATION, or the place in the visit */
} Growth;

/* A value of the context, and the structs on its path. */
typedef struct {
    PyObject *id; /* borrowed from `usual`, as the types are */
    Py_ssize_t depth;
    PyTypeObject *types[DEPTH_MAX];
    Py_ssize_t slots[DEPTH_MAX];
    int plain;       /* the path ends at the value, not at a struct */
    int first;       /* the first value is remembered, not the latest */
    PyObject *again; /* borrowed: the stored value that the present event repeats */
} Leaf;

#define AT(object, offset) (*(PyObject **)((char *)(object) + (offset)))

/* The place of a slot; -1 with an exception if the type keeps the attribute elsewhere. */
static Py_ssize_t slot_of(PyTypeObject *type, const char *name) {
    PyObject *found = PyObject_GetAttrString((PyObject *)type, name);
    if (found == NULL) return -1;
    Py_ssize_t offset = -1;
    if (Py_IS_TYPE(found, &PyMemberDescr_Type)) offset = ((PyMemberDescrObject *)found)->d_member->offset;
    else PyErr_Format(PyExc_TypeError, "%s.%s is no slot", type->tp_name, name);
    Py_DECREF(found);
    return offset;
}

typedef struct {
    const char *name;
    Py_ssize_t *offset;
} Slot;

static int find_slots(PyTypeObject *type, const Slot *slots) {
    for (; slots->name != NULL; slots++) {
        *slots->offset = slot_of(type, slots->name);
        if (*slots->offset < 0) return -1;
    }
    return 0;
}

static void put(PyObject *object, Py_ssize_t offset, PyObject *value) {
    PyObject *before = AT(object, offset);
    AT(object, offset) = Py_NewRef(value);
    Py_XDECREF(before);
}

/* ---- the object */

typedef struct {
    PyObject_HEAD
    /* callables */
    PyObject *decode, *digest_of, *load, *begin, *fire, *visit_update, *watch_mask, *sweep, *read_slowly, *settle;
    /* lookups */
    PyObject *touched, *track_handlers, *other_handlers, *watch_masks, *watching, *settlement, *counted;
    PyObject *undecodable, *unreadable, *raw_type, *profile_type, *handler_type, *kind_names, *blocked_ids, *logouts;
    /* segments to settle: for a new user, for one who is identified from now on */
    PyObject *begin_mask, *user_mask;
    /* the usual activity */
    PyObject *usual, *always, *unset, *context_type;
    long long gap;
    Growth *growth;
    Leaf *leaves;
    Py_ssize_t growth_length, leaves_length;
    /* the rules, in milliseconds and bytes */
    long long skew_max, disorder, lateness, retention, message_bytes_max, sweep_bytes, full_bytes, keyed, linking, claim;
    /* state */
    long long clock;
    PyObject *kinds[KINDS_MAX];
    long long counts[KINDS_MAX];
    Py_ssize_t kinds_length, track, identify, page, screen, alias;
    PyObject *records;
    Py_ssize_t at;
    PyObject *left; /* the message of the record that was left, None if it has not been decoded */
    MessageSlots message;
    ProfileSlots profile;
    HandlerSlots handler;
    SettlementSlots settled;
} FastPath;

static PyObject *name_value, *name_key, *name_timestamp, *text_event, *zero;

static int whole(PyObject *number, long long *value) {
    if (number == NULL || !PyLong_CheckExact(number)) return 0;
    int overflow;
    *value = PyLong_AsLongLongAndOverflow(number, &overflow);
    return !overflow;
}

/* ---- times */

static int two_digits(const char *text, int *value) {
    unsigned high = (unsigned)(text[0] - '0'), low = (unsigned)(text[1] - '0');
    *value = (int)(high * 10 + low);
    return high <= 9 && low <= 9;
}

static const int DAYS_BEFORE[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
static const int DAYS_IN[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

/* The instant of a text in exactly the form `2016-08-01T07:05:21.239Z`, years 1970 to 8999; 0 for any other. */
static int instant_of(PyObject *object, long long *instant) {
    if (!PyUnicode_CheckExact(object) || !PyUnicode_IS_COMPACT_ASCII(object)) return 0;
    if (PyUnicode_GET_LENGTH(object) != ISO_LENGTH) return 0;
    const char *text = (const char *)PyUnicode_1BYTE_DATA(object);
    int century, year, month, day, hour, minute, second, tens;
    if (text[4] != '-' || text[7] != '-' || text[10] != 'T' || text[13] != ':' || text[16] != ':' || text[19] != '.' ||
        text[23] != 'Z')
        return 0;
    if (!two_digits(text, &century) || !two_digits(text + 2, &year) || !two_digits(text + 5, &month) ||
        !two_digits(text + 8, &day) || !two_digits(text + 11, &hour) || !two_digits(text + 14, &minute) ||
        !two_digits(text + 17, &second) || !two_digits(text + 20, &tens))
        return 0;
    unsigned last = (unsigned)(text[22] - '0');
    year += century * 100;
    if (last > 9 || year < 1970 || year > 8999 || month < 1 || month > 12 || hour > 23 || minute > 59 || second > 59)
        return 0;
    int leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    if (day < 1 || day > DAYS_IN[month - 1] + (month == 2 && leap)) return 0;
    int before = year - 1;
    long long days = 365LL * (year - 1970) + (before / 4 - before / 100 + before / 400 - 477);
    days += DAYS_BEFORE[month - 1] + (month > 2 && leap) + day - 1;
    *instant = (((days * 24 + hour) * 60 + minute) * 60 + second) * 1000 + tens * 10 + (int)last;
    return 1;
}

/* Event time and receipt time, `times_of` of app/events/message.py; 0 if that function must compute them. */
static int times_of(FastPath *self, PyObject *message, long long recorded, long long *t, long long *received) {
    PyObject *own = AT(message, self->message.timestamp), *receipt = AT(message, self->message.received);
    if (!instant_of(own, t)) return 0;
    if (receipt == Py_None) {
        *received = recorded < 0 ? *t : recorded;
        return 1;
    }
    if (!instant_of(receipt, received)) return 0;
    PyObject *sent_text = AT(message, self->message.sent), *original_text = AT(message, self->message.original);
    if (sent_text != Py_None && original_text != Py_None) {
        long long sent, original;
        if (!instant_of(sent_text, &sent) || !instant_of(original_text, &original)) return 0;
        *t = *received - (sent - original);
        if (*t < 0 || *t > *received) return 0;
    }
    if (recorded >= 0 && recorded < *received) *received = recorded;
    return 1;
}

/* ---- checks before any state changes */

static int is_ascii(const char *text, Py_ssize_t length) {
    Py_ssize_t at = 0;
    for (; at + 8 <= length; at += 8) {
        uint64_t eight;
        memcpy(&eight, text + at, 8);
        if (eight & 0x8080808080808080ULL) return 0;
    }
    for (; at < length; at++)
        if (text[at] & 0x80) return 0;
    return 1;
}

/* The message of a value, a new reference; NULL without an exception: left. */
static PyObject *decoded(FastPath *self, PyObject *value) {
    if (!PyBytes_CheckExact(value) || PyBytes_GET_SIZE(value) > self->message_bytes_max) return NULL;
    if (!is_ascii(PyBytes_AS_STRING(value), PyBytes_GET_SIZE(value))) return NULL;
    PyObject *message = PyObject_CallOneArg(self->decode, value);
    if (message == NULL) {
        if (PyErr_ExceptionMatches(self->undecodable)) PyErr_Clear();
        return NULL;
    }
    MessageSlots *slots = &self->message;
    if (slots->type != Py_TYPE(message)) {
        Slot wanted[] = {{"type", &slots->kind},            {"event", &slots->event},
                         {"userId", &slots->user_id},       {"anonymousId", &slots->anonymous_id},
                         {"messageId", &slots->message_id}, {"timestamp", &slots->timestamp},
                         {"sentAt", &slots->sent},          {"originalTimestamp", &slots->original},
                         {"receivedAt", &slots->received},  {"properties", &slots->properties},
                         {"traits", &slots->traits},        {"context", &slots->context},
                         {NULL, NULL}};
        if (find_slots(Py_TYPE(message), wanted) < 0) {
            Py_DECREF(message);
            return NULL;
        }
        slots->type = Py_TYPE(message);
    }
    return message;
}

static char lower(char letter) { return letter >= 'A' && letter <= 'Z' ? (char)(letter | 0x20) : letter; }

static int is_same_id(const char *id, const char *blocked, Py_ssize_t length) {
    for (Py_ssize_t at = 0; at < length; at++)
        if (lower(id[at]) != blocked[at]) return 0;
    return 1;
}

/* True if an id certainly names a user without changes, `UserIds` of app/events/user_ids.py. An id with blanks or quotes
   around it, or only of zeros and dashes, is checked there. */
static int is_sure_id(FastPath *self, const char *id, Py_ssize_t length) {
    const char ends[] = {id[0], id[length - 1]};
    for (int end = 0; end < 2; end++)
        if (ends[end] <= ' ' || ends[end] == '"' || ends[end] == '\'' || ends[end] == '`') return 0;
    Py_ssize_t zeros = 0;
    while (zeros < length && (id[zeros] == '0' || id[zeros] == '-')) zeros++;
    if (zeros == length) return 0;
    for (Py_ssize_t number = 0; number < PyTuple_GET_SIZE(self->blocked_ids); number++) {
        PyObject *blocked = PyTuple_GET_ITEM(self->blocked_ids, number);
        if (PyBytes_GET_SIZE(blocked) == length && is_same_id(id, PyBytes_AS_STRING(blocked), length)) return 0;
    }
    return 1;
}

/* The user's name, borrowed, if it exists and is a text; `identified`: it is a `userId`. */
static PyObject *user_of(FastPath *self, PyObject *message, int *identified) {
    PyObject *user = AT(message, self->message.user_id);
    *identified = user != Py_None;
    if (user == Py_None) user = AT(message, self->message.anonymous_id);
    if (!PyUnicode_CheckExact(user) || !PyUnicode_IS_COMPACT_ASCII(user)) return NULL;
    Py_ssize_t length = PyUnicode_GET_LENGTH(user);
    if (length == 0 || length > 64 || memchr(PyUnicode_1BYTE_DATA(user), 0, (size_t)length) != NULL) return NULL;
    if (!is_sure_id(self, (const char *)PyUnicode_1BYTE_DATA(user), length)) return NULL;
    return user;
}

/* True if the key is the user's name. */
static int is_key_of(PyObject *key, PyObject *user) {
    return PyBytes_CheckExact(key) && PyBytes_GET_SIZE(key) == PyUnicode_GET_LENGTH(user) &&
           memcmp(PyBytes_AS_STRING(key), PyUnicode_1BYTE_DATA(user), (size_t)PyBytes_GET_SIZE(key)) == 0;
}

/* True if an entry begins with the hash, of any age. */
static int has_hash(PyObject *ids, const char *hash) {
    const char *begin = PyByteArray_AS_STRING(ids);
    uint64_t wanted, found;
    memcpy(&wanted, hash, HASH_BYTES);
    for (Py_ssize_t at = PyByteArray_GET_SIZE(ids) - ENTRY_BYTES; at >= 0; at -= ENTRY_BYTES) {
        memcpy(&found, begin + at, HASH_BYTES);
        if (found == wanted) return 1;
    }
    return 0;
}

/* 8 bytes that stand for a message's id: `digest`, a new reference, NULL for a message without one. */
static Outcome hash_of(FastPath *self, PyObject *id, PyObject **digest) {
    *digest = NULL;
    if (id == Py_None) return TAKEN;
    if (!PyUnicode_CheckExact(id) || !PyUnicode_IS_COMPACT_ASCII(id)) return LEFT;
    PyObject *bytes = PyBytes_FromStringAndSize((const char *)PyUnicode_1BYTE_DATA(id), PyUnicode_GET_LENGTH(id));
    if (bytes == NULL) return FAILED;
    *digest = PyObject_CallOneArg(self->digest_of, bytes);
    Py_DECREF(bytes);
    return *digest == NULL ? FAILED : TAKEN;
}

/* The earliest of a user's timers; INT64_MAX without one. */
static int earliest(PyObject *due, long long *instant) {
    Py_ssize_t at = 0;
    PyObject *own, *until;
    *instant = INT64_MAX;
    while (PyDict_Next(due, &at, &own, &until)) {
        long long each;
        if (!whole(until, &each)) return 0;
        if (each < *instant) *instant = each;
    }
    return 1;
}

/* The profile of a user, borrowed from `touched`; NULL: there is none, or an exception is set. */
static PyObject *profile_of(FastPath *self, PyObject *user) {
    PyObject *profile = PyDict_GetItemWithError(self->touched, user);
    if (profile != NULL || PyErr_Occurred()) return profile;
    PyObject *loaded = PyObject_CallOneArg(self->load, user);
    Py_XDECREF(loaded); /* `touched` has a reference */
    return loaded == NULL || loaded == Py_None ? NULL : loaded;
}

/* ---- changes by an accepted event */

/* Adds the segments of `more` to those of `mask`, which is given up for the result. */
static PyObject *with(PyObject *mask, PyObject *more) {
    if (mask == NULL) return NULL;
    int any = PyObject_IsTrue(more);
    if (any <= 0) return any < 0 ? (Py_DECREF(mask), NULL) : mask;
    PyObject *both = mask == zero ? Py_NewRef(more) : PyNumber_Or(mask, more);
    Py_DECREF(mask);
    return both;
}

static PyObject *and_with(PyObject *mask, PyObject *more) {
    if (more == NULL) {
        Py_XDECREF(mask);
        return NULL;
    }
    PyObject *both = with(mask, more);
    Py_DECREF(more);
    return both;
}

static int remember_id(FastPath *self, PyObject *ids, PyObject *digest, long long now, PyObject *now_object) {
    Py_ssize_t size = PyByteArray_GET_SIZE(ids);
    if (PyByteArray_Resize(ids, size + ENTRY_BYTES) < 0) return -1;
    unsigned char *entry = (unsigned char *)PyByteArray_AS_STRING(ids) + size;
    memcpy(entry, PyBytes_AS_STRING(digest), HASH_BYTES);
    for (int place = 0; place < INSTANT_BYTES; place++)
        entry[HASH_BYTES + place] = (unsigned char)((unsigned long long)now >> (8 * (INSTANT_BYTES - 1 - place)));
    size += ENTRY_BYTES;
    if (size % self->sweep_bytes != 0 && size <= self->full_bytes) return 0;
    PyObject *swept = PyObject_CallFunctionObjArgs(self->sweep, ids, now_object, self->counted, NULL);
    Py_XDECREF(swept);
    return swept == NULL ? -1 : 0;
}

/* The segments that a user's profile watches at every event. */
static PyObject *watched(FastPath *self, PyObject *mask, PyObject *profile) {
    PyObject *bits = PyNumber_And(AT(profile, self->profile.watched), self->watching);
    if (bits == NULL) {
        Py_DECREF(mask);
        return NULL;
    }
    int any = PyObject_IsTrue(bits);
    if (any > 0) {
        PyObject *known = PyDict_GetItemWithError(self->watch_masks, bits);
        if (known != NULL) mask = with(mask, known);
        else if (PyErr_Occurred()) Py_CLEAR(mask);
        else mask = and_with(mask, PyObject_CallOneArg(self->watch_mask, bits));
    }
    else if (any < 0) Py_CLEAR(mask);
    Py_DECREF(bits);
    return mask;
}

/* ---- visit_update: the visit continues, and the context has no new value */

/* True if no value of the visit has reached the limit at which a watching segment must be settled. */
static int grows_unseen(FastPath *self, PyObject *watched, const long long *visit) {
    long long bits;
    if (!whole(watched, &bits)) return 0;
    for (Py_ssize_t number = 0; number < self->growth_length; number++) {
        const Growth *growth = &self->growth[number];
        if (!(bits & growth->bit)) continue;
        long long value = growth->value == DURATION ? visit[LAST] - visit[START] : visit[growth->value];
        if (value >= growth->least) return 0;
    }
    return 1;
}

/* The value of a leaf in a context, borrowed. */
static PyObject *said(const Leaf *leaf, PyObject *context) {
    PyObject *value = AT(context, leaf->slots[0]);
    for (Py_ssize_t depth = 1; depth < leaf->depth; depth++)
        if (Py_TYPE(value) == leaf->types[depth]) value = AT(value, leaf->slots[depth]);
    return value;
}

/* The stored [t, value] of a leaf, borrowed, if an event at `t` repeats it; NULL if not, or without a value. */
static PyObject *said_again(PyObject *remembered, const Leaf *leaf, PyObject *value, long long t) {
    long long before;
    PyObject *entry = PyDict_GetItemWithError(remembered, leaf->id);
    if (entry == NULL || !leaf->plain || !PyUnicode_CheckExact(value) || !PyList_CheckExact(entry)) return NULL;
    if (PyList_GET_SIZE(entry) != 2 || !whole(PyList_GET_ITEM(entry, 0), &before) || t < before) return NULL;
    PyObject *known = PyList_GET_ITEM(entry, 1);
    return PyUnicode_CheckExact(known) && PyUnicode_Compare(known, value) == 0 ? entry : NULL;
}

/* 1 if the first value of a leaf was said at or before `t`, so that an event at `t` changes nothing. */
static int said_before(PyObject *remembered, const Leaf *leaf, long long t) {
    long long first;
    PyObject *entry = PyDict_GetItemWithError(remembered, leaf->id);
    return entry != NULL && PyList_CheckExact(entry) && PyList_GET_SIZE(entry) == 2 &&
           whole(PyList_GET_ITEM(entry, 0), &first) && first <= t;
}

static void put_item(PyObject *list, Py_ssize_t place, PyObject *value) {
    PyObject *before = PyList_GET_ITEM(list, place);
    PyList_SET_ITEM(list, place, Py_NewRef(value));
    Py_DECREF(before);
}

static int put_number(PyObject *list, Py_ssize_t place, long long value) {
    PyObject *number = PyLong_FromLongLong(value);
    if (number == NULL) return -1;
    put_item(list, place, number);
    Py_DECREF(number);
    return 0;
}

/* The activity of an event with no new value except its time; LEFT: `visit_update` must process it. */
static Outcome usual_visit_update(FastPath *self, PyObject *profile, PyObject *message, Py_ssize_t kind, long long t,
                              PyObject *t_object, long long now) {
    PyObject *session = AT(profile, self->profile.session), *remembered = AT(profile, self->profile.leaves);
    PyObject *context = AT(message, self->message.context);
    long long visit[EVENTS + 1], last = 0;
    int visits = self->gap >= 0;
    if (visits) {
        if (!PyList_CheckExact(session) || PyList_GET_SIZE(session) != VISIT_LENGTH) return LEFT;
        for (int place = START; place <= EVENTS; place++)
            if (!whole(PyList_GET_ITEM(session, place), &visit[place])) return LEFT;
        last = visit[LAST];
        if (t < visit[START] || t >= last + self->gap || now >= last + self->gap) return LEFT;
        if (t > last) visit[LAST] = t;
        if (kind == self->page || kind == self->screen) visit[PAGES]++;
        visit[EVENTS]++;
        if (!grows_unseen(self, AT(profile, self->profile.watched), visit)) return LEFT;
    }
    if (self->leaves_length > 0 && context != Py_None) {
        if ((PyObject *)Py_TYPE(context) != self->context_type) return LEFT;
        for (Leaf *leaf = self->leaves; leaf < self->leaves + self->leaves_length; leaf++) {
            PyObject *value = said(leaf, context);
            int has_value = value != self->unset;
            leaf->again = has_value && !leaf->first ? said_again(remembered, leaf, value, t) : NULL;
            if (has_value && leaf->again == NULL && !(leaf->first && said_before(remembered, leaf, t)))
                return PyErr_Occurred() ? FAILED : LEFT;
        }
        for (Leaf *leaf = self->leaves; leaf < self->leaves + self->leaves_length; leaf++)
            if (leaf->again != NULL) put_item(leaf->again, 0, t_object);
    }
    if (!visits) return TAKEN;
    if (t > last) put_item(session, LAST, t_object);
    if (put_number(session, PAGES, visit[PAGES]) < 0 || put_number(session, EVENTS, visit[EVENTS]) < 0) return FAILED;
    return TAKEN;
}

static PyObject *visit_update_of(FastPath *self, PyObject *profile, PyObject *message, Py_ssize_t kind, long long t,
                             PyObject *t_object, long long now, PyObject *now_object) {
    Outcome outcome = usual_visit_update(self, profile, message, kind, t, t_object, now);
    if (outcome != LEFT) return outcome == TAKEN ? Py_NewRef(self->always) : NULL;
    PyObject *given[] = {profile, message, t_object, now_object};
    return PyObject_Vectorcall(self->visit_update, given, 4, NULL);
}

/* The properties that the handler of an event reads, a new reference. */
static PyObject *properties_of(FastPath *self, PyObject *handler, PyObject *raw) {
    PyObject *decode = AT(handler, self->handler.properties);
    if (decode == Py_None || (PyObject *)Py_TYPE(raw) != self->raw_type)
        return Py_NewRef(AT(handler, self->handler.nothing));
    PyObject *properties = PyObject_CallOneArg(decode, raw);
    if (properties != NULL || !PyErr_ExceptionMatches(self->unreadable)) return properties;
    PyErr_Clear();
    return PyObject_CallFunctionObjArgs(self->read_slowly, handler, raw, NULL);
}

/* Runs the handler of the definitions that use this event. */
static PyObject *handled(FastPath *self, PyObject *mask, PyObject *handler, PyObject *profile, PyObject *message,
                         Py_ssize_t kind, PyObject *t, PyObject *now) {
    PyObject *raw = AT(message, kind == self->identify ? self->message.traits : self->message.properties);
    PyObject *properties = properties_of(self, handler, raw);
    if (properties == NULL) {
        Py_DECREF(mask);
        return NULL;
    }
    PyObject *given[] = {profile, message, properties, t, now, self->settlement};
    mask = and_with(mask, PyObject_Vectorcall(AT(handler, self->handler.handle), given, 6, NULL));
    Py_DECREF(properties);
    return mask;
}

/* All work after the acceptance of an event; `mask`, given up: segments to settle in any case. */
static Outcome take(FastPath *self, PyObject *mask, PyObject *profile, PyObject *message, Py_ssize_t kind,
                    PyObject *handler, long long t, PyObject *t_object, long long now, PyObject *now_object) {
    mask = and_with(mask, visit_update_of(self, profile, message, kind, t, t_object, now, now_object));
    if (mask != NULL) mask = watched(self, mask, profile);
    self->counts[kind]++;
    if (mask != NULL && handler != NULL)
        mask = handled(self, mask, handler, profile, message, kind, t_object, now_object);
    if (mask == NULL) return FAILED;
    int any = PyObject_IsTrue(mask);
    if (any > 0) {
        put(self->settlement, self->settled.kind, text_event);
        put(self->settlement, self->settled.message_id, AT(message, self->message.message_id));
        PyObject *asked[] = {profile, mask, now_object};
        PyObject *settled = PyObject_Vectorcall(self->settle, asked, 3, NULL);
        Py_XDECREF(settled);
        if (settled == NULL) any = -1;
    }
    Py_DECREF(mask);
    return any < 0 ? FAILED : TAKEN;
}

/* ---- one record */

/* The index of a message's type among the counted types; -1 for any other. */
static Py_ssize_t kind_of(FastPath *self, PyObject *message) {
    PyObject *kind = AT(message, self->message.kind);
    for (Py_ssize_t number = 0; number < self->kinds_length; number++)
        if (self->kinds[number] == kind) return number;
    for (Py_ssize_t number = 0; number < self->kinds_length; number++)
        if (PyUnicode_Compare(self->kinds[number], kind) == 0) return number;
    return -1;
}

/* The handler, borrowed; NULL: no definition uses this event, or an exception is set. */
static PyObject *handler_of(FastPath *self, PyObject *message, Py_ssize_t kind) {
    if (kind != self->track) return PyDict_GetItemWithError(self->other_handlers, self->kinds[kind]);
    return PyDict_GetItemWithError(self->track_handlers, AT(message, self->message.event));
}

/* Data of an event before it is accepted. */
typedef struct {
    PyObject *message, *user, *profile, *handler, *digest; /* profile: NULL for a new user */
    Py_ssize_t kind;
    int identified, is_due;
    long long t, now, clock, highest, first_seen;
    PyObject *t_object, *now_object;
} Event;

/* True if an identified event may say something new about its other id: no claim on that id holds, or the user logs out.
   `is_claimed` of tables/identity.py. */
static int may_claim(FastPath *self, Event *event) {
    PyObject *other = AT(event->message, self->message.anonymous_id), *digest;
    if (event->kind == self->alias) return 1;
    if (other == Py_None) return 0;
    if (!PyUnicode_CheckExact(other)) return 1;
    if (PyUnicode_Compare(other, event->user) == 0) return 0; /* one id, sent as both */
    if (event->profile == NULL) return 1;
    if (event->now >= event->highest + self->retention) return 1; /* will be forgotten, and the claim with it */
    PyObject *links = AT(event->profile, self->profile.links);
    if (!PyByteArray_CheckExact(links)) return 1;
    if (event->kind == self->track && PySet_Contains(self->logouts, AT(event->message, self->message.event)) != 0) return 1;
    if (hash_of(self, other, &digest) != TAKEN || digest == NULL) return 1;
    int claims = 1;
    if (PyBytes_CheckExact(digest) && PyBytes_GET_SIZE(digest) == HASH_BYTES) {
        const unsigned char *entry = (const unsigned char *)PyByteArray_AS_STRING(links);
        for (Py_ssize_t left = PyByteArray_GET_SIZE(links); left >= ENTRY_BYTES && claims; left -= ENTRY_BYTES) {
            if (memcmp(entry, PyBytes_AS_STRING(digest), HASH_BYTES) == 0) {
                long long at = 0;
                for (int byte = HASH_BYTES; byte < ENTRY_BYTES; byte++) at = at << 8 | entry[byte];
                if (event->t >= at + self->claim) break;
                claims = 0;
            }
            entry += ENTRY_BYTES;
        }
    }
    Py_DECREF(digest);
    return claims;
}

/* True if an event is not after the erasure of its key: ERASED_MARK of tables/identity.py. */
static int is_erased(FastPath *self, Event *event) {
    static const char mark[HASH_BYTES];
    PyObject *links = AT(event->profile, self->profile.links);
    if (!PyByteArray_CheckExact(links) || PyByteArray_GET_SIZE(links) < ENTRY_BYTES) return 0;
    const unsigned char *entry = (const unsigned char *)PyByteArray_AS_STRING(links);
    if (memcmp(entry, mark, HASH_BYTES) != 0) return 0;
    long long at = 0;
    for (int byte = HASH_BYTES; byte < ENTRY_BYTES; byte++) at = at << 8 | entry[byte];
    return event->t <= at;
}

/* Checks the user's profile: is the event late or a duplicate, and does a timer come first? */
static Outcome admit(FastPath *self, Event *event) {
    PyObject *profile = event->profile;
    long long fired, timer;
    if (profile != NULL) {
        if (Py_TYPE(profile) != self->profile.type || !PyByteArray_CheckExact(AT(profile, self->profile.ids)) ||
            !whole(AT(profile, self->profile.highest), &event->highest) ||
            !whole(AT(profile, self->profile.fired), &fired) ||
            !whole(AT(profile, self->profile.first_seen), &event->first_seen) ||
            !earliest(AT(profile, self->profile.due), &timer))
            return LEFT;
        if (event->highest < 0) return LEFT; /* its events wait, or it has moved to another key */
        if (is_erased(self, event)) return LEFT;
        if (event->highest > event->now) event->now = event->highest;
        if (fired > event->now) event->now = fired;
        event->is_due = event->now >= event->highest + self->retention || timer <= event->now;
    }
    if (event->t < event->now - self->lateness) return LEFT;
    if (self->linking && event->identified && may_claim(self, event)) return PyErr_Occurred() ? FAILED : LEFT;
    event->handler = handler_of(self, event->message, event->kind);
    if (event->handler == NULL && PyErr_Occurred()) return FAILED;
    if (event->handler != NULL && Py_TYPE(event->handler) != self->handler.type) return LEFT;
    Outcome outcome = hash_of(self, AT(event->message, self->message.message_id), &event->digest);
    if (outcome != TAKEN || event->digest == NULL) return outcome;
    if (!PyBytes_CheckExact(event->digest) || PyBytes_GET_SIZE(event->digest) != HASH_BYTES) return LEFT;
    if (profile != NULL && has_hash(AT(profile, self->profile.ids), PyBytes_AS_STRING(event->digest))) return LEFT;
    return TAKEN;
}

/* An admitted event: timers that are due before it, the profile, then all state that it touches. */
static Outcome accept(FastPath *self, Event *event) {
    PyObject *mask = NULL, *profile = event->profile;
    put(self->settlement, self->settled.user, event->user);
    if (event->is_due) {
        PyObject *lives = PyObject_CallFunctionObjArgs(self->fire, event->user, profile, event->now_object, NULL);
        Py_XDECREF(lives);
        if (lives == NULL) return FAILED;
        if (lives == Py_None) event->profile = profile = NULL; /* forgotten: a new user begins with this event */
    }
    if (profile == NULL) {
        PyObject *clock = PyLong_FromLongLong(event->clock);
        if (clock == NULL) return FAILED;
        profile = PyObject_CallFunctionObjArgs(self->begin, event->user, event->t_object, event->now_object, clock,
                                               NULL);
        Py_DECREF(clock);
        if (profile == NULL) return FAILED;
        mask = Py_NewRef(self->begin_mask);
    }
    else {
        Py_INCREF(profile);
        mask = Py_NewRef(zero);
        if (event->t > event->highest) put(profile, self->profile.highest, event->t_object);
        else if (event->t < event->first_seen) put(profile, self->profile.first_seen, event->t_object);
    }
    self->clock = event->clock;
    if (event->identified && AT(profile, self->profile.identified) != Py_True) {
        put(profile, self->profile.identified, Py_True);
        mask = with(mask, self->user_mask);
    }
    if (mask != NULL && event->digest != NULL &&
        remember_id(self, AT(profile, self->profile.ids), event->digest, event->now, event->now_object) < 0)
        Py_CLEAR(mask);
    Outcome outcome = mask == NULL ? FAILED
                                   : take(self, mask, profile, event->message, event->kind, event->handler, event->t,
                                          event->t_object, event->now, event->now_object);
    Py_DECREF(profile);
    return outcome;
}

static Outcome take_message(FastPath *self, PyObject *message, PyObject *key, long long recorded) {
    Event event = {.message = message, .kind = kind_of(self, message)};
    long long received;
    if (event.kind < 0 || !times_of(self, message, recorded, &event.t, &received)) return LEFT;
    if (event.t > received + self->skew_max) return LEFT;
    event.user = user_of(self, message, &event.identified);
    if (event.user == NULL || (self->keyed && !is_key_of(key, event.user))) return LEFT;
    event.now = event.t > self->clock ? event.t : self->clock;
    if (received > event.t) received = event.t;
    event.clock = received > self->clock + self->disorder ? received - self->disorder : self->clock;
    event.profile = profile_of(self, event.user);
    if (event.profile == NULL && PyErr_Occurred()) return FAILED;
    Py_XINCREF(event.profile);
    PyObject *profile = event.profile;
    Outcome outcome = admit(self, &event);
    if (outcome == TAKEN) {
        event.t_object = PyLong_FromLongLong(event.t);
        event.now_object = event.now == event.t ? Py_XNewRef(event.t_object) : PyLong_FromLongLong(event.now);
        outcome = event.t_object == NULL || event.now_object == NULL ? FAILED : accept(self, &event);
        Py_XDECREF(event.t_object);
        Py_XDECREF(event.now_object);
    }
    Py_XDECREF(event.digest);
    Py_XDECREF(profile);
    return outcome;
}

static Outcome take_record(FastPath *self, PyObject *record) {
    Outcome outcome = FAILED;
    PyObject *value = PyObject_GetAttr(record, name_value);
    PyObject *key = value == NULL ? NULL : PyObject_GetAttr(record, name_key);
    PyObject *timestamp = key == NULL ? NULL : PyObject_GetAttr(record, name_timestamp);
    long long recorded;
    if (timestamp != NULL) {
        outcome = LEFT;
        if (whole(timestamp, &recorded)) {
            PyObject *message = decoded(self, value);
            if (message != NULL) {
                outcome = take_message(self, message, key, recorded);
                if (outcome == LEFT) Py_XSETREF(self->left, message);
                else Py_DECREF(message);
            }
            else if (PyErr_Occurred()) outcome = FAILED;
        }
    }
    Py_XDECREF(value);
    Py_XDECREF(key);
    Py_XDECREF(timestamp);
    return outcome;
}

static PyObject *next_left(FastPath *self) {
    if (self->records == NULL) {
        PyErr_SetString(PyExc_TypeError, "FastPath wants records");
        return NULL;
    }
    if (self->left != Py_None) Py_XSETREF(self->left, Py_NewRef(Py_None));
    while (self->at < PyList_GET_SIZE(self->records)) {
        PyObject *record = Py_NewRef(PyList_GET_ITEM(self->records, self->at++));
        Outcome outcome = take_record(self, record);
        if (outcome == LEFT) return record;
        Py_DECREF(record);
        if (outcome == FAILED) return NULL;
    }
    return NULL;
}

/* ---- the Python type */

typedef struct {
    const char *name;
    Py_ssize_t offset;
} Field;

#define FIELD(name) {#name, offsetof(FastPath, name)}

static const Field OBJECTS[] = {
    FIELD(decode),         FIELD(digest_of),    FIELD(load),        FIELD(fire),         FIELD(visit_update),
    FIELD(watch_mask),     FIELD(sweep),        FIELD(read_slowly), FIELD(settle),       FIELD(touched),
    FIELD(track_handlers), FIELD(other_handlers), FIELD(watch_masks), FIELD(watching),   FIELD(settlement),
    FIELD(counted),        FIELD(undecodable),  FIELD(unreadable),  FIELD(raw_type),     FIELD(profile_type),
    FIELD(handler_type),   FIELD(kind_names),   FIELD(records),     FIELD(begin),        FIELD(begin_mask),
    FIELD(user_mask),      FIELD(usual),        FIELD(unset),       FIELD(blocked_ids),  FIELD(logouts),
                                {NULL, 0}};

static const Field NUMBERS[] = {FIELD(skew_max),    FIELD(disorder),   FIELD(lateness),
                                FIELD(retention),   FIELD(message_bytes_max), FIELD(sweep_bytes),
                                FIELD(full_bytes),  FIELD(keyed),      FIELD(clock),
                                FIELD(linking),     FIELD(claim),
                                {NULL, 0}};

static PyObject *given(PyObject *settings, const char *name) {
    PyObject *value = settings == NULL ? NULL : PyDict_GetItemString(settings, name);
    if (value == NULL) PyErr_Format(PyExc_TypeError, "FastPath wants %s", name);
    return value;
}

static int number_kinds(FastPath *self) {
    self->track = self->identify = self->page = self->screen = self->alias = -1;
    if (!PyTuple_CheckExact(self->kind_names) || PyTuple_GET_SIZE(self->kind_names) > KINDS_MAX) {
        PyErr_SetString(PyExc_TypeError, "kind_names: a tuple of at most 8 texts");
        return -1;
    }
    self->kinds_length = PyTuple_GET_SIZE(self->kind_names);
    for (Py_ssize_t number = 0; number < self->kinds_length; number++) {
        PyObject *kind = self->kinds[number] = PyTuple_GET_ITEM(self->kind_names, number);
        if (PyUnicode_CompareWithASCIIString(kind, "track") == 0) self->track = number;
        if (PyUnicode_CompareWithASCIIString(kind, "identify") == 0) self->identify = number;
        if (PyUnicode_CompareWithASCIIString(kind, "alias") == 0) self->alias = number;
        if (PyUnicode_CompareWithASCIIString(kind, "page") == 0) self->page = number;
        if (PyUnicode_CompareWithASCIIString(kind, "screen") == 0) self->screen = number;
    }
    return 0;
}

static int check_blocked_ids(FastPath *self) {
    int all = PyTuple_CheckExact(self->blocked_ids);
    for (Py_ssize_t number = 0; all && number < PyTuple_GET_SIZE(self->blocked_ids); number++)
        all = PyBytes_CheckExact(PyTuple_GET_ITEM(self->blocked_ids, number));
    if (!all) PyErr_SetString(PyExc_TypeError, "blocked_ids: a tuple of bytes");
    return all ? 0 : -1;
}

static int read_growth(FastPath *self, PyObject *growth) {
    self->growth_length = PyTuple_GET_SIZE(growth);
    self->growth = PyMem_Calloc((size_t)self->growth_length + 1, sizeof(Growth));
    if (self->growth == NULL) return PyErr_NoMemory(), -1;
    for (Py_ssize_t number = 0; number < self->growth_length; number++) {
        Growth *each = &self->growth[number];
        const char *value;
        if (!PyArg_ParseTuple(PyTuple_GET_ITEM(growth, number), "LsL", &each->bit, &value, &each->least)) return -1;
        each->value = strcmp(value, "pages") == 0 ? PAGES : strcmp(value, "events") == 0 ? EVENTS : DURATION;
    }
    return 0;
}

static int read_leaves(FastPath *self, PyObject *leaves) {
    self->leaves_length = PyTuple_GET_SIZE(leaves);
    self->leaves = PyMem_Calloc((size_t)self->leaves_length + 1, sizeof(Leaf));
    if (self->leaves == NULL) return PyErr_NoMemory(), -1;
    for (Py_ssize_t number = 0; number < self->leaves_length; number++) {
        Leaf *leaf = &self->leaves[number];
        PyObject *steps;
        if (!PyArg_ParseTuple(PyTuple_GET_ITEM(leaves, number), "OO!pp", &leaf->id, &PyTuple_Type, &steps, &leaf->plain,
                              &leaf->first))
            return -1;
        leaf->depth = PyTuple_GET_SIZE(steps);
        if (leaf->depth < 1 || leaf->depth > DEPTH_MAX) {
            PyErr_SetString(PyExc_TypeError, "a leaf is reached in 1 to 8 steps");
            return -1;
        }
        for (Py_ssize_t depth = 0; depth < leaf->depth; depth++) {
            const char *name;
            if (!PyArg_ParseTuple(PyTuple_GET_ITEM(steps, depth), "O!s", &PyType_Type, &leaf->types[depth], &name))
                return -1;
            leaf->slots[depth] = slot_of(leaf->types[depth], name);
            if (leaf->slots[depth] < 0) return -1;
        }
    }
    self->context_type = self->leaves_length > 0 ? (PyObject *)self->leaves[0].types[0] : NULL;
    return 0;
}

/* usual: (gap of visits in milliseconds, -1 if no definition uses them; segments to settle; growth; leaves). */
static int read_usual(FastPath *self) {
    PyObject *growth, *leaves;
    if (!PyArg_ParseTuple(self->usual, "LOO!O!", &self->gap, &self->always, &PyTuple_Type, &growth, &PyTuple_Type,
                          &leaves))
        return -1;
    return read_growth(self, growth) < 0 || read_leaves(self, leaves) < 0 ? -1 : 0;
}

static int initialize(FastPath *self, PyObject *arguments, PyObject *settings) {
    if (PyTuple_GET_SIZE(arguments) != 0 || self->records != NULL) {
        PyErr_SetString(PyExc_TypeError, "FastPath is given names only, once");
        return -1;
    }
    for (const Field *field = OBJECTS; field->name != NULL; field++) {
        PyObject *value = given(settings, field->name);
        if (value == NULL) return -1;
        AT(self, field->offset) = Py_NewRef(value);
    }
    for (const Field *field = NUMBERS; field->name != NULL; field++) {
        PyObject *value = given(settings, field->name);
        if (value == NULL) return -1;
        long long *place = (long long *)((char *)self + field->offset);
        *place = PyLong_AsLongLong(value);
        if (*place == -1 && PyErr_Occurred()) return -1;
    }
    self->left = Py_NewRef(Py_None);
    if (!PyList_CheckExact(self->records) || !PyDict_CheckExact(self->touched) || !PyType_Check(self->profile_type) ||
        !PyType_Check(self->handler_type) || !PyDict_CheckExact(self->track_handlers) ||
        !PyDict_CheckExact(self->other_handlers) || !PyDict_CheckExact(self->watch_masks) || !PyFrozenSet_CheckExact(self->logouts)) {
        PyErr_SetString(PyExc_TypeError, "FastPath is given something of another type");
        return -1;
    }
    self->profile.type = (PyTypeObject *)self->profile_type;
    self->handler.type = (PyTypeObject *)self->handler_type;
    const Slot profile[] = {{"highest_ms", &self->profile.highest}, {"fired_ms", &self->profile.fired},
                            {"first_seen_ms", &self->profile.first_seen}, {"identified", &self->profile.identified},
                            {"due", &self->profile.due}, {"message_ids", &self->profile.ids},
                            {"session", &self->profile.session}, {"leaves", &self->profile.leaves},
                            {"watched", &self->profile.watched}, {"links", &self->profile.links},
                            {NULL, NULL}};
    const Slot handler[] = {{"handle", &self->handler.handle}, {"properties", &self->handler.properties},
                            {"nothing", &self->handler.nothing}, {NULL, NULL}};
    const Slot settlement[] = {{"user", &self->settled.user}, {"kind", &self->settled.kind},
                               {"message_id", &self->settled.message_id}, {NULL, NULL}};
    if (find_slots(self->profile.type, profile) < 0 || find_slots(self->handler.type, handler) < 0 ||
        find_slots(Py_TYPE(self->settlement), settlement) < 0)
        return -1;
    return number_kinds(self) < 0 || check_blocked_ids(self) < 0 || read_usual(self) < 0 ? -1 : 0;
}

static void deallocate(FastPath *self) {
    for (const Field *field = OBJECTS; field->name != NULL; field++) Py_XDECREF(AT(self, field->offset));
    Py_XDECREF(self->left);
    PyMem_Free(self->growth);
    PyMem_Free(self->leaves);
    Py_TYPE(self)->tp_free((PyObject *)self);
}

static PyObject *get_accepted(FastPath *self, void *closure) {
    PyObject *accepted = PyDict_New();
    for (Py_ssize_t number = 0; accepted != NULL && number < self->kinds_length; number++) {
        PyObject *count = PyLong_FromLongLong(self->counts[number]);
        if (count == NULL || PyDict_SetItem(accepted, self->kinds[number], count) < 0) Py_CLEAR(accepted);
        Py_XDECREF(count);
    }
    return accepted;
}

static PyMemberDef members[] = {
    {"clock_ms", T_LONGLONG, offsetof(FastPath, clock), 0, "the partition's clock"},
    {"message", T_OBJECT, offsetof(FastPath, left), READONLY, "of the record that was left; None: not decoded yet"},
    {NULL, 0, 0, 0, NULL}};

static PyGetSetDef properties[] = {
    {"accepted", (getter)get_accepted, NULL, "type of message -> events taken", NULL},
    {NULL, NULL, NULL, NULL, NULL}};

static PyTypeObject FastPathType = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "app.segments.partition._fast_path.FastPath",
    .tp_doc = "Iterates over the records of a batch that the loop in Python has to take.",
    .tp_basicsize = sizeof(FastPath),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_new = PyType_GenericNew,
    .tp_init = (initproc)initialize,
    .tp_dealloc = (destructor)deallocate,
    .tp_iter = PyObject_SelfIter,
    .tp_iternext = (iternextfunc)next_left,
    .tp_members = members,
    .tp_getset = properties,
};

/* ---- the module */

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, .m_name = "_fast_path", .m_size = -1,
                                    .m_doc = "The usual events of a partition, without the interpreter."};

PyMODINIT_FUNC PyInit__fast_path(void) {
    name_value = PyUnicode_InternFromString("value");
    name_key = PyUnicode_InternFromString("key");
    name_timestamp = PyUnicode_InternFromString("timestamp");
    text_event = PyUnicode_InternFromString("event");
    zero = PyLong_FromLong(0);
    if (name_value == NULL || name_key == NULL || name_timestamp == NULL || text_event == NULL || zero == NULL)
        return NULL;
    if (PyType_Ready(&FastPathType) < 0) return NULL;
    PyObject *made = PyModule_Create(&module);
    if (made != NULL && (PyModule_AddObjectRef(made, "FastPath", (PyObject *)&FastPathType) < 0 ||
                         PyModule_AddIntMacro(made, INTERFACE) < 0 || PyModule_AddIntMacro(made, HASH_BYTES) < 0 ||
                         PyModule_AddIntMacro(made, ENTRY_BYTES) < 0 || PyModule_AddIntMacro(made, DEPTH_MAX) < 0 ||
                         PyModule_AddIntMacro(made, KINDS_MAX) < 0 || PyModule_AddIntMacro(made, START) < 0 ||
                         PyModule_AddIntMacro(made, LAST) < 0 || PyModule_AddIntMacro(made, PAGES) < 0 ||
                         PyModule_AddIntMacro(made, EVENTS) < 0 || PyModule_AddIntMacro(made, VISIT_LENGTH) < 0))
        Py_CLEAR(made);
    return made;
}
