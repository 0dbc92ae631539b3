// ACE's proactor on a file and on a pair of sockets. usage: proactor aiocb|signals FILE
//
// With "aiocb" it waits in aio_suspend for all that is under way, with "signals" every request sends a real-time signal.
// Blocks are written in any order, many at a time, then read and compared; then bytes go through the sockets.
#include <ace/Asynch_IO.h>
#include <ace/Message_Block.h>
#include <ace/OS_NS_fcntl.h>
#include <ace/OS_NS_sys_socket.h>
#include <ace/OS_NS_unistd.h>
#include <ace/POSIX_Proactor.h>
#include <ace/Proactor.h>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>

namespace {

constexpr int block = 8192, blocks = 2048, at_once = 64;
constexpr int message = 3000, messages = 4000;

[[noreturn]] void fail(const char *what, int number)
{
	std::fprintf(stderr, "%s: %d\n", what, number);
	std::exit(1);
}

char byte_of(int number, int i) { return static_cast<char>(number * 31 + i * 7 + (i >> 8)); }

void fill(char *to, int number, int size)
{
	for (int i = 0; i < size; i++)
		to[i] = byte_of(number, i);
}

int number_of(const void *act) { return static_cast<int>(reinterpret_cast<std::intptr_t>(act)); }
const void *act_of(int number) { return reinterpret_cast<const void *>(static_cast<std::intptr_t>(number)); }

// Every block once, in an order of its own.
int place_of(int step) { return static_cast<int>((step * 1021L + 7) % blocks); }

class File : public ACE_Handler {
	ACE_Asynch_Write_File writer;
	ACE_Asynch_Read_File reader;
	int started = 0;

	void write_next()
	{
		const int number = place_of(started++);
		auto *data = new ACE_Message_Block(block);
		fill(data->wr_ptr(), number, block);
		data->wr_ptr(block);
		if (writer.write(*data, block, static_cast<unsigned long>(number) * block, 0, act_of(number)) != 0)
			fail("write does not begin", number);
	}
	void read_next()
	{
		const int number = place_of(started++);
		auto *data = new ACE_Message_Block(block);
		if (reader.read(*data, block, static_cast<unsigned long>(number) * block, 0, act_of(number)) != 0)
			fail("read does not begin", number);
	}

public:
	int written = 0, read = 0;

	void begin(ACE_HANDLE handle, ACE_Proactor &proactor)
	{
		if (writer.open(*this, handle, nullptr, &proactor) != 0 || reader.open(*this, handle, nullptr, &proactor) != 0)
			fail("open", 0);
		while (started < at_once)
			write_next();
	}
	void handle_write_file(const ACE_Asynch_Write_File::Result &result) override
	{
		if (!result.success() || result.bytes_transferred() != block)
			fail("a write failed", number_of(result.act()));
		result.message_block().release();
		written++;
		if (started < blocks)
			write_next();
		else if (written == blocks)
			for (started = 0; started < at_once;)
				read_next();
	}
	void handle_read_file(const ACE_Asynch_Read_File::Result &result) override
	{
		const int number = number_of(result.act());
		if (!result.success() || result.bytes_transferred() != block)
			fail("a read failed", number);
		for (int i = 0; i < block; i++)
			if (result.message_block().rd_ptr()[i] != byte_of(number, i))
				fail("other data than was written", number);
		result.message_block().release();
		read++;
		if (started < blocks)
			read_next();
	}
};

// One end writes, the other reads: glibc does not do both on one at a time.
class Sockets : public ACE_Handler {
	ACE_Asynch_Write_Stream writer;
	ACE_Asynch_Read_Stream reader;
	int sent = 0;

	void send_next()
	{
		auto *data = new ACE_Message_Block(message);
		fill(data->wr_ptr(), sent++, message);
		data->wr_ptr(message);
		if (writer.write(*data, message) != 0)
			fail("a message is not sent", sent);
	}
	void receive_next()
	{
		auto *data = new ACE_Message_Block(message);
		if (reader.read(*data, message) != 0)
			fail("a message is not received", 0);
	}

public:
	long received = 0;
	int written = 0;

	void begin(ACE_HANDLE from, ACE_HANDLE to, ACE_Proactor &proactor)
	{
		if (writer.open(*this, from, nullptr, &proactor) != 0 || reader.open(*this, to, nullptr, &proactor) != 0)
			fail("open of a socket", 0);
		receive_next();
		send_next();
	}
	void handle_write_stream(const ACE_Asynch_Write_Stream::Result &result) override
	{
		if (!result.success() || result.bytes_transferred() != message)
			fail("a message failed", sent);
		result.message_block().release();
		written++;
		if (sent < messages)
			send_next();
	}
	void handle_read_stream(const ACE_Asynch_Read_Stream::Result &result) override
	{
		if (!result.success() || result.bytes_transferred() == 0)
			fail("nothing received", static_cast<int>(received / message));
		for (size_t i = 0; i < result.bytes_transferred(); i++, received++)
			if (result.message_block().rd_ptr()[i] != byte_of(static_cast<int>(received / message), static_cast<int>(received % message)))
				fail("other bytes than were sent", static_cast<int>(received / message));
		result.message_block().release();
		if (received < static_cast<long>(messages) * message)
			receive_next();
	}
};

}

int main(int argc, char **argv)
{
	if (argc != 3)
		fail("usage: proactor aiocb|signals FILE", argc);
	ACE_POSIX_Proactor *how;
	if (std::strcmp(argv[1], "signals") == 0)
		how = new ACE_POSIX_SIG_Proactor;
	else
		how = new ACE_POSIX_AIOCB_Proactor;
	{
		ACE_Proactor proactor(how, true);
		const ACE_HANDLE handle = ACE_OS::open(argv[2], O_RDWR | O_CREAT | O_TRUNC, 0600);
		ACE_HANDLE pair[2];
		if (handle == ACE_INVALID_HANDLE || ACE_OS::socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0)
			fail("no descriptors", 0);
		File file;
		file.begin(handle, proactor);
		while (file.read < blocks)
			if (proactor.handle_events() < 0)
				fail("handle_events", file.read);
		Sockets sockets;
		sockets.begin(pair[0], pair[1], proactor);
		while (sockets.received < static_cast<long>(messages) * message || sockets.written < messages)
			if (proactor.handle_events() < 0)
				fail("handle_events, sockets", static_cast<int>(sockets.received));
		std::printf("%d blocks, %ld bytes through sockets\n", file.read, sockets.received);
		ACE_OS::close(handle);
		ACE_OS::close(pair[0]);
		ACE_OS::close(pair[1]);
	}
	return 0;
}
